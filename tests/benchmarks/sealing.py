"""What sealing costs: a kernel's start, sealed beside unsealed, and the seal itself, in milliseconds, in one run.

python tests/benchmarks/sealing.py [--starts 7]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autoloop_kernel.execution import sandbox
from autoloop_kernel.execution.kernels import Kernel
from autoloop_kernel.execution.log import Log
from autoloop_kernel.execution.policy import policy_for
from autoloop_kernel.execution.scratch import Room
from autoloop_kernel.execution.tree import end_descendants

TIMED = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
import sandbox
began = time.perf_counter()
lacking = sandbox.seal(sandbox.Policy.from_json(json.load(open(sys.argv[2]))))
print(json.dumps([1000 * (time.perf_counter() - began), lacking]))
"""


def started(folder: Path, sealed: bool) -> float:
    """Milliseconds from the request to the first reply of a fresh kernel."""

    async def start() -> float:
        began = time.perf_counter()
        room = Room(folder / "candidate")
        room.furnish()
        policy = policy_for(room, folder / "arena", ["sealed/*"]) if sealed else None
        kernel = Kernel("candidate", "python3", room, Log(), "", policy)
        await kernel.launch()
        await kernel.connect()
        took = 1000 * (time.perf_counter() - began)
        end_descendants(kernel.manager.provisioner.process.pid)
        kernel.manager.provisioner.process.kill()
        kernel.manager.provisioner.process.wait()
        await kernel.close()
        return took

    return asyncio.run(start())


def seal(folder: Path) -> float:
    """Milliseconds of one call of `seal` in a fresh process."""
    room = Room(folder / "candidate")
    room.furnish()
    paper = folder / "policy.json"
    paper.write_text(json.dumps(policy_for(room, folder / "arena", ["sealed/*"]).to_json()), encoding="utf-8")
    command = [sys.executable, "-c", TIMED, str(Path(sandbox.__file__).parent), str(paper)]
    took, lacking = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert not lacking, lacking
    return float(took)


def main() -> None:
    """Measure in turn, so that a busy machine is as busy for both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=7)
    times: dict[str, list[float]] = {"unsealed": [], "sealed": [], "seal": []}
    for _ in range(parser.parse_args().starts):
        for name, play in (("unsealed", False), ("sealed", True), ("seal", None)):
            with tempfile.TemporaryDirectory(prefix="autoloop-") as place:
                folder = Path(place)
                (folder / "arena" / "sealed").mkdir(parents=True)
                (folder / "arena" / "sealed" / "val.txt").write_text("held out")
                times[name].append(seal(folder) if play is None else started(folder, play))
    middle = {name: statistics.median(taken) for name, taken in times.items()}
    print(f"kernel start, unsealed   {middle['unsealed']:8.1f} ms")
    print(f"kernel start, sealed     {middle['sealed']:8.1f} ms   x {middle['sealed'] / middle['unsealed']:.2f}")
    print(f"the seal itself          {middle['seal']:8.1f} ms")


if __name__ == "__main__":
    main()
