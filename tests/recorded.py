"""A machine's counters as texts in a folder, as `/proc` and `/sys` give them, for tests that no real load decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TICKS = 100
STAT = "{pid} (a (strange) name) S {parent} 1 1 0 -1 {flags} 9 9 9 9 {user} 0 {reaped} 0 20 0 1 0 {started} 99 9 0 0\n"


@dataclass
class One:
    """A process: CPU seconds of its own and of the children it reaped."""

    parent: int = 1
    used: float = 0.0
    reaped: float = 0.0
    flags: int = 0x400000
    started: int = 50
    group: str = ""


@dataclass
class Machine:
    """Seconds since it started; by CPU seconds busy and stolen; processes by id."""

    uptime: float = 1000.0
    busy: tuple[float, ...] = (100.0, 100.0)
    stolen: tuple[float, ...] = (0.0, 0.0)
    processes: Mapping[int, One] = field(default_factory=dict)
    quotas: Mapping[str, str] = field(default_factory=dict)
    group: str = "/"

    def write(self, root: Path) -> Path:
        """Write it below `root`, over what stood there; processes that are gone disappear. Returns `root`."""
        proc = root / "proc"
        (proc / "self").mkdir(parents=True, exist_ok=True)
        lines = ["cpu  1 2 3 4 5 6 7 8 0 0"]
        for cpu, (busy, stolen) in enumerate(zip(self.busy, self.stolen, strict=True)):
            lines.append(f"cpu{cpu} {round(busy * TICKS)} 0 0 5000 70 0 30 {round(stolen * TICKS)} 0 0")
        (proc / "stat").write_text("\n".join([*lines, "intr 12345 0 1", "ctxt 9"]) + "\n")
        for path in proc.iterdir():
            if path.name.isdecimal() and int(path.name) not in self.processes:
                (path / "stat").unlink()
        for pid, one in self.processes.items():
            (proc / str(pid)).mkdir(exist_ok=True)
            ticks = {"user": round(one.used * TICKS), "reaped": round(one.reaped * TICKS)}
            text = STAT.format(pid=pid, parent=one.parent, flags=one.flags, started=one.started, **ticks)
            (proc / str(pid) / "stat").write_text(text)
            (proc / str(pid) / "cgroup").write_text(f"0::{one.group or self.group}\n")
        (proc / "self" / "cgroup").write_text(f"0::{self.group}\n")
        for group, text in self.quotas.items():
            folder = root / "sys/fs/cgroup" / group.lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "cpu.max").write_text(text + "\n")
        (proc / "uptime").write_text(f"{self.uptime:.2f} 9999.00\n")  # last: it may be a pipe that somebody waits at
        return root
