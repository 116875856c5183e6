"""The two kernels of one execution, started before the execution is known: what they will import is imported ahead."""

from __future__ import annotations

import ast
import asyncio
import contextlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat

from autoloop_kernel.arena.roles import Role, in_candidate, in_referee, role_of
from autoloop_kernel.arena.source import plain_python
from autoloop_kernel.execution.kernels import Kernel, KernelFault
from autoloop_kernel.execution.log import Log
from autoloop_kernel.execution.policy import policy_for, unsealed_text
from autoloop_kernel.execution.scratch import Room
from autoloop_kernel.execution.warm import Guardian
from autoloop_kernel.records import Job


@dataclass(frozen=True)
class Hint:
    """What the next execution will probably be like: its kernelspec, and what either kernel will import first.

    `folder` is the arena's and `sealed` its globs, since a kernel is sealed as it starts; "" where none is known yet.
    """

    spec: str = "python3"
    candidate: tuple[str, ...] = ()
    referee: tuple[str, ...] = ()
    folder: str = ""
    sealed: tuple[str, ...] = ()


def ground_of(job: Job) -> Hint:
    """What of a job its kernels have to know before they start."""
    return Hint(job.rules.kernel, folder=str(job.folder), sealed=job.rules.sealed)


def hint_of(job: Job) -> Hint:
    """Guess from one job what the next of its arena will need.

    Only modules that cells import before the clock starts are named, and none that lies beside the arena or that an
    agent may have written: what is imported under the clock is the candidate's to pay for.
    """
    cells = [cell for cell in nbformat.reads(job.notebook, as_version=4).cells if cell.cell_type == "code"]
    agents = {Role.EDITABLE, Role.LOCKED} if job.files else {Role.EDITABLE}
    before = [cell for cell in cells if in_candidate(role_of(cell))]
    first = next((index for index, cell in enumerate(before) if role_of(cell) in agents), 0)
    shared = [cell for cell in cells if in_referee(role_of(cell)) and role_of(cell) is not Role.SCORE]
    return Hint(
        job.rules.kernel,
        _imports((cell.source for cell in before[:first]), job.folder),
        _imports((cell.source for cell in shared), job.folder),
        str(job.folder),
        job.rules.sealed,
    )


def _imports(sources: Iterable[str], folder: Path) -> tuple[str, ...]:
    """The modules that `sources` import at their top level and that do not lie in `folder`."""
    found: dict[str, None] = {}
    for source in sources:
        with contextlib.suppress(SyntaxError, ValueError):
            for node in ast.parse(plain_python(source)).body:
                if isinstance(node, ast.Import):
                    found |= dict.fromkeys(alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found[node.module] = None
    beside = {path.stem for path in folder.iterdir()} if folder.is_dir() else set()
    return tuple(name for name in found if name.split(".")[0] not in beside)


class Pair:
    """A candidate's and a referee's kernel below one temporary folder. All of it belongs to one event loop.

    The candidate's is sealed for an arena in `folder` with the globs `sealed`; `guardian`, if any, forks both.
    """

    def __init__(
        self,
        root: Path,
        spec: str,
        log: Log,
        mark: str,
        folder: Path,
        sealed: Collection[str],
        guardian: Guardian | None = None,
    ) -> None:
        self.spec, self._guardian = spec, guardian
        room = Room(root / "candidate")
        room.furnish()
        self.policy = policy_for(room, folder, sealed)
        self._unsealed_text = unsealed_text(folder)
        self.candidate = Kernel("candidate", spec, room, log, mark, self.policy, guardian)
        self.referee = Kernel("referee", spec, Room(root / "referee"), log, mark, None, guardian)
        self.fault: KernelFault | None = None

    @property
    def lacks(self) -> tuple[str, ...]:
        """What the candidate's seal lacks, once the kernels have answered."""
        return (*self.candidate.lacks, *self._unsealed_text)

    def suits(self, job: Job) -> bool:
        """Whether these kernels are what `job` asks for: a policy may have been made before a file came or went."""
        fresh = policy_for(self.candidate.room, job.folder, job.rules.sealed)
        return self.spec == job.rules.kernel and replace(fresh, file_mb=self.policy.file_mb) == self.policy

    async def launch(self) -> None:
        """Start both processes; a fault is kept for `connect`."""
        self.referee.room.furnish()
        try:
            await together(self.candidate.launch(), self.referee.launch())
        except KernelFault as fault:
            self.fault = fault

    @property
    def guarded_by(self) -> int:
        """The process id of the guardian that forked them, 0 where there is none."""
        return self._guardian.pid if self._guardian is not None else 0

    @property
    def abandoned(self) -> bool:
        """Whether their guardian has died, and they with it: that says nothing about a candidate."""
        return self.guarded_by != 0 and self._guardian is not None and not self._guardian.alive()

    @property
    def cold(self) -> str:
        """Why a kernel was started afresh though it was to be forked, "" where none was."""
        return self.candidate.cold or self.referee.cold

    async def close(self) -> None:
        """Let go of both, whose processes have been killed."""
        for kernel in (self.candidate, self.referee):
            await kernel.close()
            kernel.manager = None

    async def connect(self) -> None:
        """Wait until both answer. Raises `KernelFault` where one does not, or could not be started."""
        if self.fault is not None:
            raise self.fault
        await together(self.candidate.connect(), self.referee.connect())

    async def warm(self, hint: Hint) -> None:
        """Import ahead what `hint` names, in silence; what goes wrong shows when the cells run."""
        with contextlib.suppress(KernelFault):
            await self.connect()
            await together(
                self.candidate.call("_preload", {"modules": hint.candidate}),
                self.referee.call("_preload", {"modules": ["autoloop_kernel.scoring", *hint.referee]}),
            )


async def together(*work: Any) -> list[Any]:
    """Await all at once; when one fails, the others are cancelled and its error is raised."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
