"""NVML as pynvml speaks it, with cards and processes that a test says: only the calls that the house makes."""

from __future__ import annotations

from dataclasses import dataclass, field

MIB = 2**20


class NVMLError(Exception):
    pass


class NVMLError_NotFound(NVMLError):
    pass


class NVMLError_NotSupported(NVMLError):
    pass


@dataclass
class Held:
    pid: int
    usedGpuMemory: int | None


@dataclass
class Sample:
    pid: int
    timeStamp: int
    smUtil: int


@dataclass
class Device:
    """`held` are its processes, `samples` what the driver recorded; None where it does not tell by process."""

    held: list[Held] = field(default_factory=list)
    samples: list[Sample] | None = field(default_factory=list)
    now: int = 1000

    def works(self, **percents: int) -> None:
        """Half a second passes, in which these processes (`p7=50`) used that much of the card."""
        self.now += 500_000
        assert self.samples is not None
        self.samples += [Sample(int(name[1:]), self.now, percent) for name, percent in percents.items()]


class NVML:
    """The module, with these devices."""

    NVMLError, NVMLError_NotFound, NVMLError_NotSupported = NVMLError, NVMLError_NotFound, NVMLError_NotSupported

    def __init__(self, *devices: Device) -> None:
        self.devices = devices

    def nvmlDeviceGetCount(self) -> int:
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Device:
        return self.devices[index]

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Device) -> list[Held]:
        return list(handle.held)

    def nvmlDeviceGetProcessUtilization(self, handle: Device, timeStamp: int) -> list[Sample]:
        if handle.samples is None:
            raise NVMLError_NotSupported("Not Supported")
        found = [sample for sample in handle.samples if sample.timeStamp > timeStamp]
        if not found:
            raise NVMLError_NotFound("Not Found")
        return found
