"""The process that speaks with Ray for a driver: `python -m autoloop_kernel.execution.cluster_link`.

A process of its own because Ray ends whoever has lost its cluster's head, after a minute in which no call returns. It
takes lines of JSON on stdin, the first with what to join, and answers with lines of JSON on what was its stdout. While
the head answers it says so twice a second. The end of stdin (the driver is gone) ends it, and a cluster that it has
started; workers on another cluster go on until their lease is over.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from autoloop_kernel.execution.child import Line
from autoloop_kernel.execution.cluster_call import Call, Shipper
from autoloop_kernel.execution.cluster_hub import Hub
from autoloop_kernel.execution.cluster_worker import key_of
from autoloop_kernel.execution.tree import end_descendants
from autoloop_kernel.records import AutoloopError, job_from_json

BEAT_S = 0.5


class Link:
    """The orders of the driver, each call in a thread of its own."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._calls: dict[int, Call] = {}
        self._mark = ""
        self._hub: Hub | None = None
        self._shipper = Shipper()

    def obey(self) -> None:
        """Take orders until the driver closes, or is gone."""
        for raw in sys.stdin.buffer:
            order = json.loads(raw)
            if "open" in order:
                self._open(**order["open"])  # in this thread: a cluster that is started here ends with the thread
            elif "run" in order:
                self._begin(order)
            elif "close" in order:
                self._close()
                return
            elif (call := self._calls.get(order["call"])) is not None:
                call.order(order["order"])
        self._vanish()

    def _open(self, address: str, slots: int | None, **whose: Any) -> None:
        hub = Hub(tell=self._tell, **whose)
        try:
            hub.join(address)
            self._mark, self._hub = whose["mark"], hub
            threading.Thread(target=self._beat, name="beat", daemon=True).start()
            hub.survey()
            hub.seat(slots)
        except AutoloopError as error:
            self._line.say("refused", {"text": str(error)})
            return
        seats = [{"name": seat.name, "where": hub.where(seat)} for seat in hub.seats.values()]
        self._line.say("opened", {"slots": seats, "hardware": hub.fit.hardware})

    def _tell(self, kind: str, **data: Any) -> None:
        self._line.say("tell", {"kind": kind, **data})

    def _beat(self) -> None:
        assert self._hub is not None
        while True:
            with contextlib.suppress(Exception):
                self._hub.beat()
                self._line.say("beat", {})
            time.sleep(BEAT_S)

    def _begin(self, order: Mapping[str, Any]) -> None:
        assert self._hub is not None
        number, job = order["call"], job_from_json(order["run"])
        key = key_of(self._mark, job)
        if order["tryout"]:
            key = f"{key}:try:{number}"
        call = Call(self._hub, self._shipper, key, job, order["slot"], order["tryout"])
        self._calls[number] = call
        threading.Thread(target=self._run, args=(number, call), name=f"call {number}", daemon=True).start()

    def _run(self, number: int, call: Call) -> None:
        try:
            outcome = call.run(lambda kind, data: self._line.say("said", {"call": number, "kind": kind, "data": data}))
            self._line.say("ended", {"call": number, "outcome": outcome})
        except Exception as error:
            text = str(error) if isinstance(error, AutoloopError) else f"{type(error).__name__}: {error}"
            self._line.say("ended", {"call": number, "fault": " ".join(text.split())})
        finally:
            self._calls.pop(number, None)

    def _close(self) -> None:
        if self._hub is not None:
            self._hub.close()
        self._line.say("closed", {})
        self._vanish()

    def _vanish(self) -> None:
        """End, and a cluster that was started here with it."""
        end_descendants(os.getpid())
        self._shipper.close()
        os._exit(0)


def main() -> None:
    """Take over stdout for the line to the driver, and obey."""
    line = Line(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    Link(line).obey()


if __name__ == "__main__":
    main()
