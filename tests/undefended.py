"""The process of an execution without some of its defences: those that its notebook names in comments, `# off: NAME`.

Tests start it in place of `autoloop_kernel.execution.child`, to show that an exploit wins where its one defence is off.
The sandbox is off throughout: what it stops has tests of its own.
"""

import os
import re
from dataclasses import replace
from pathlib import Path

from open_child import away_from_path

from autoloop_kernel.execution import child, pair, scratch
from autoloop_kernel.execution.clock import Watch
from autoloop_kernel.execution.outputs import finite
from autoloop_kernel.execution.receipts import Receipts
from autoloop_kernel.execution.sandbox import DEFENCES
from autoloop_kernel.execution.tree import Family, end
from autoloop_kernel.records import Verdict


def judging(verdict):
    """The watch kills for `verdict` alone: TIMEOUT is its clock, CRASH its limit of memory."""
    sentence = Watch._sentence
    Watch._sentence = lambda self, found, reason: sentence(self, found, reason) if found is verdict else None


def believed():
    """A score counts whoever states it, with any nonce, as a fact or in print; the first one does."""
    hear, referee = Receipts.candidate, Receipts.referee

    def candidate(self, kind, data, outputs):
        printed = re.match(r"score (\S+)", str(data.get("text", ""))) if kind == "stream" else None
        stated = float(printed[1]) if printed else data.get({"score": "value", "facts": "score"}.get(kind))
        if self.score is None:
            self.score = finite(stated)
        hear(self, kind, data, outputs)

    Receipts.candidate = candidate
    Receipts.referee = lambda self, *told: referee(self, *told) if self.score is None else None


def unbilled():
    """Its answers may take for ever, and so may what goes on between them."""
    Watch.answering = lambda self: 1e9


def unsealed():
    """Sealed files lie in the candidate's folder too."""
    fill = scratch.fill
    scratch.fill = lambda candidate, referee, job: fill(
        candidate, referee, replace(job, rules=replace(job.rules, sealed=()))
    )


def end_but_leftovers(*roots, patience=5.0):
    """End the descendants of `roots`, but for those whose command line says that they would be left over."""
    family = Family(*roots)

    def members():
        return [one.pid for one in family.members().values() if not one.zombie and not _left_over(one.pid)]

    return end(members, patience)


def _left_over(pid):
    try:
        return b"leftover" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def unswept():
    """A process that a candidate left goes on."""
    child.end_descendants = end_but_leftovers
    child.sweep = lambda mark: []


def unsandboxed():
    """The candidate's kernel runs as the person does."""
    sealed = pair.policy_for
    pair.policy_for = lambda *given: replace(sealed(*given), off=DEFENCES)


KEEPS_SOCKETS = {"line.close()": "line.detach()"}
SWEEPS_NOTHING = {"    deadline = time.monotonic() + 5.0\n    while": "    deadline = 0.0\n    while"}
"""Parts of the zygote's source and what stands there in a careless one."""


def careless_zygote(folder, changes):
    """Write a careless zygote into `folder`; gives what `warm` is to take for its own file, beside which it looks."""
    house, left = Path(child.__file__).parent, set(changes)
    for name in ("zygote", "forking", "sandbox", "places", "syscalls", "namespaces", "landlock", "seccomp"):
        source = (house / f"{name}.py").read_text(encoding="utf-8")
        for old, new in changes.items():
            left -= {old} if old in source else set()
            source = source.replace(old, new)
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    assert not left, f"no part of the zygote: {left}"
    return str(folder / "warm.py")


def shared(folder):
    """All kernels of all executions have one library and one IPython profile, both below `folder`."""
    pack = scratch.pack
    scratch.pack = lambda lib: None if (lib / "autoloop_kernel").exists() else pack(lib)
    scratch.Room.lib = property(lambda self: folder / "lib")
    scratch.Room.ipython = property(lambda self: folder / "ipython")


def main():
    away_from_path()
    unsandboxed()
    if folder := os.environ.get("UNDEFENDED_SHARED"):
        shared(Path(folder))
    run = child.Execution.run
    switches = {
        "clock": lambda: judging(Verdict.CRASH),
        "memory": lambda: judging(Verdict.TIMEOUT),
        "nonce": believed,
        "answering": unbilled,
        "sealed": unsealed,
        "sweep": unswept,
    }

    def weakened(self, job):
        for name in set(re.findall(r"# off: (\w+)", job.notebook)) & switches.keys():
            switches[name]()
        return run(self, job)

    child.Execution.run = weakened
    child.main()


if __name__ == "__main__":
    main()
