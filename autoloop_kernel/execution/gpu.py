"""NVIDIA cards: which one a run may use, how much of it the candidate held, and who else was at work on it.

All of it comes from NVML, the driver's own library, by way of `nvidia-ml-py` (the extra `gpu`); without either nothing
is known and nothing claimed. NVML names processes by the ids that the machine knows them by: in a container with ids of
its own none of them is known there, and so nobody is charged.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

EVERY_S = 0.5
"""How often the cards are looked at: NVML keeps a second of each process's use or less, and memory's peak is short."""

PATIENCE_S = 2.0
"""How long the last look is waited for: a driver in trouble must not hold up a run that has ended."""

UNTOLD = "NVML does not say how much of the card's memory a process holds, as in some containers"
UNKNOWN = "NVML names none of its processes, as in a container with process ids of its own"

_DEVICES = ("/dev/nvidiactl", "/dev/dxg")
_CARDS = Path("/proc/driver/nvidia/gpus")


def nvml() -> Any | None:
    """The module pynvml, ready for use; None where there is no NVIDIA driver, or the package is not installed."""
    if not any(Path(device).exists() for device in _DEVICES):
        return None
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # ImportError, or any of NVML's: without it nothing is known of the cards, and that is all
        return None
    return pynvml


def slot(number: int, environment: Mapping[str, str], cards: Path = _CARDS) -> dict[str, str]:
    """What to add to `environment` so that its processes see one card: that of slot `number` among those it may use.

    Nothing where there is one card at most, or `CUDA_VISIBLE_DEVICES` names none. `cards` is the driver's list.
    """
    named = _named(environment)
    if named is not None:
        return {"CUDA_VISIBLE_DEVICES": named[number % len(named)]} if len(named) > 1 else {}
    there = count(environment, cards)
    if there < 2:
        return {}
    return {"CUDA_VISIBLE_DEVICES": str(number % there), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def count(environment: Mapping[str, str], cards: Path = _CARDS) -> int:
    """How many cards processes with this environment may use."""
    named = _named(environment)
    return len(named) if named is not None else len(list(cards.iterdir())) if cards.is_dir() else 0


def _named(environment: Mapping[str, str]) -> list[str] | None:
    """The cards that `CUDA_VISIBLE_DEVICES` names, None where it is not set."""
    named = environment.get("CUDA_VISIBLE_DEVICES")
    return None if named is None else [one for each in named.split(",") if (one := each.strip()) not in ("", "-1")]


@dataclass
class Card:
    """What was seen of one card: how many looks, the part of it (0 to 1) that others used, summed over the looks."""

    looks: int = 0
    others: float = 0.0
    used: bool = False
    peak_mb: float = 0.0
    untold: bool = False
    since: int = 0
    primed: bool = False

    @property
    def taken(self) -> float:
        """The part of it that others used on average, while the candidate was on it; 0 where it never was."""
        return self.others / self.looks if self.used and self.looks else 0.0


class Cards(threading.Thread):
    """Looks at every card until `finish`; `mine()` and `house()` give the ids of the candidate's and the house's.

    A process is charged while it lives and is not of the house, so that none of a candidate's that came and went is.
    """

    def __init__(
        self,
        module: Any,
        mine: Callable[[], Collection[int]],
        house: Callable[[], Collection[int]],
        alive: Callable[[int], bool] = psutil.pid_exists,
    ) -> None:
        super().__init__(name="cards", daemon=True)
        self._nvml, self._mine, self._house, self._alive = module, mine, house, alive
        self._over = threading.Event()
        self.cards: dict[int, Card] = {}

    def run(self) -> None:
        """Look, again and again."""
        while True:
            self.look()
            if self._over.wait(EVERY_S):
                return

    def finish(self) -> None:
        """End the watch, with a last look while the candidate is still there."""
        self._over.set()
        self.join(PATIENCE_S)
        if not self.is_alive():
            self.look()

    def look(self) -> None:
        """Look once at every card; one that cannot be read now is left out."""
        with contextlib.suppress(self._nvml.NVMLError):
            for index in range(self._nvml.nvmlDeviceGetCount()):
                with contextlib.suppress(self._nvml.NVMLError):
                    handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
                    card = self.cards.setdefault(index, Card())
                    self._look_for_memory(card, handle)
                    self._look_for_others(card, handle)

    def _look_for_memory(self, card: Card, handle: Any) -> None:
        held, running, mine = 0.0, self._nvml.nvmlDeviceGetComputeRunningProcesses(handle), set(self._mine())
        for process in running:
            if process.pid not in mine:
                continue
            card.used = True
            if process.usedGpuMemory is None:
                card.untold = True
            else:
                held += process.usedGpuMemory / 2**20
        card.peak_mb = max(card.peak_mb, held)

    def _look_for_others(self, card: Card, handle: Any) -> None:
        """Add what others used since the last look; a card that does not tell by process charges nobody.

        What the first look finds was before it. Who is of the house is asked after NVML was: who was then, is now.
        """
        try:
            samples = self._nvml.nvmlDeviceGetProcessUtilization(handle, card.since)
        except self._nvml.NVMLError_NotFound:
            samples = []  # nobody has used it since
        latest: dict[int, tuple[int, int]] = {}
        for one in samples:
            if one.timeStamp > card.since and one.pid:
                latest[one.pid] = max(latest.get(one.pid, (0, 0)), (one.timeStamp, one.smUtil))
        card.since = max([card.since, *(stamp for stamp, _ in latest.values())])
        if not card.primed:
            card.primed = True
            return
        known = {*self._house(), *self._mine()} if latest else set()
        strangers = [percent for pid, (_, percent) in latest.items() if pid not in known and self._alive(pid)]
        card.looks += 1
        card.others += min(100, sum(strangers)) / 100

    def facts(self, on_card: bool) -> dict[str, Any]:
        """The harness's facts: the candidate's peak on a card in MiB, or why it is not known; {} where it used none.

        `on_card` says whether it had a card open.
        """
        used = [card for card in self.cards.values() if card.used]
        if not used:
            return {"gpu_memory": UNKNOWN} if on_card and self.cards else {}
        if any(card.untold for card in used):
            return {"gpu_memory": UNTOLD}
        return {"gpu_peak_mb": round(sum(card.peak_mb for card in used), 1)}

    def judged(self, limit: float) -> str:
        """Why a run is no evidence, in plain words; empty where others used at most the part `limit` of its cards."""
        index, worst = max(self.cards.items(), key=lambda one: one[1].taken, default=(0, Card()))
        if worst.taken <= limit:
            return ""
        return f"other processes used {100 * worst.taken:.0f} % of GPU {index} while it ran"
