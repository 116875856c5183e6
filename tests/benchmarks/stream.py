"""How soon a client of the event stream hears of an event, and what a stream costs on which nothing happens.

    python tests/benchmarks/stream.py [--events 50] [--iterations 10000] [--seconds 30]

A real server, a WebSocket on the same machine, and an arena of 10,000 iterations. The delay of an event is taken from
its time in the ledger to the moment its message has been read, that of a state from the event that changes it. Events
come at odd moments, at least 0.6 s apart, so that each is waited for anew. The cost is the server's CPU time.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from ledger_scale import fill

sys.path.insert(0, str(Path(__file__).parent.parent))

from server_kit import Server, serve
from stream_kit import Client

from autoloop_kernel.arena.templates import new
from autoloop_kernel.memory.ledger import Ledger

SEEN_S = 0.3
STREAMS = 10


def delay(client: Client, ledger: Ledger, kind: str, heard: Callable[[Any], bool], **data: Any) -> float:
    """Seconds from an event of this kind in the ledger to the message for which `heard` is true."""
    start = len(client.messages)
    seq = ledger.emit(kind, **data)
    while True:
        now = time.time()
        if any(heard(message) for message in client.messages[start:]):
            return now - next(event.time for event in ledger.events(after=seq - 1, limit=1))
        time.sleep(0.0005)


def report_delays(client: Client, ledger: Ledger, count: int) -> None:
    """Measure and print how soon points, other events with the rows they touch, and states are told."""
    told: tuple[tuple[str, str, Callable[[Any], bool], dict[str, Any]], ...] = (
        ("a point of a curve", "report", lambda m: m["type"] == "events", {"step": 1, "seconds": 1.0, "numbers": {}}),
        ("an event", "note", lambda m: m["type"] == "events", {"text": "something happened"}),
        ("a state", "driver.start", lambda m: m["type"] == "state", {"pid": 1, "host": "h", "agents": [], "plan": {}}),
    )
    for what, kind, heard, data in told:
        taken = []
        for _ in range(count):
            time.sleep(0.6 + random.random() / 4)
            taken.append(delay(client, ledger, kind, heard, **data))
        middle = statistics.median(taken)
        print(f"{what:20} {1000 * middle:6.0f} ms   median of {count}, slowest {1000 * max(taken):.0f} ms")
        print(f"{'':20} limit {1000 * SEEN_S:.0f} ms, ratio {middle / SEEN_S:.2f}")


def share(server: Server, seconds: float) -> float:
    """The share of one core that the server uses for so long."""
    process = psutil.Process(server.process.pid)
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / seconds


def main() -> None:
    """Print the delays, and what idle streams cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50)
    parser.add_argument("--iterations", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "root"
        path = new("function_min", root)
        fill(root / "function_min_runs" / "ledger.sqlite", chosen.iterations)
        with (
            serve(root, Path(name) / "home") as server,
            Ledger.open(root / "function_min_runs" / "ledger.sqlite") as it,
        ):
            with Client(server, path.name) as client:
                client.wait(lambda c: c.messages, "the first state")
                report_delays(client, it, chosen.events)
            with contextlib.ExitStack() as stack:
                alone = share(server, chosen.seconds)
                for _ in range(STREAMS):
                    client = stack.enter_context(Client(server, path.name))
                    client.wait(lambda c: c.messages, "the first state")
                idle = (share(server, chosen.seconds) - alone) / STREAMS
            print(f"an idle stream       {100 * idle:6.2f} % of a core   mean of {STREAMS}, beside the server's own")


if __name__ == "__main__":
    main()
