"""The one table of what the server answers: from it come the handlers and the description.

Its entries name functions and models by `module.name` instead of holding them, so that a server starts without
importing what only requests need.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import Any

PACKAGE = "autoloop_kernel.server"
PARTS = {"number": r"[0-9]{1,9}", "id": r"[A-Za-z0-9._-]{1,100}"}
"""What may stand in the place of a path's parameter."""


@dataclass(frozen=True)
class Route:
    """One verb of one path below `autoloop/api/`.

    `call` names the function that answers, in `reads` or `actions`: it gets the root, the query or body, and the path's
    parameters. `takes` names the model of query (GET) or body in `bodies`, `gives` that of the answer in `answers`,
    `status` is what an answer is sent with, and `action` what the user must be allowed to do with `autoloop`.
    """

    method: str
    path: str
    summary: str
    call: str
    takes: str
    gives: str
    action: str
    status: int = 200

    @property
    def parameters(self) -> list[str]:
        """The names of the path's parameters, in their order."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def pattern(self) -> str:
        """The path as a regular expression with one group a parameter."""
        pieces = re.split(r"{(\w+)}", self.path)
        return "".join(f"({PARTS[piece]})" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces))


def named(name: str) -> Any:
    """What `module.name` means in this package."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(f"{PACKAGE}.{module}"), attribute)


def _get(path: str, summary: str, call: str, takes: str, gives: str) -> Route:
    return Route("GET", path, summary, f"reads.{call}", f"bodies.{takes}", f"answers.{gives}", "read")


def _do(
    path: str, summary: str, call: str, takes: str, status: int = 200, action: str = "execute", method: str = "POST"
) -> Route:
    return Route(method, path, summary, f"actions.{call}", f"bodies.{takes}", "answers.Said", action, status)


ROUTES = (
    _get("arenas", "The arenas below the server's root", "arenas", "Nothing", "Arenas"),
    _do("arenas", "Copy a bundled arena", "new", "New", 201, "write"),
    Route(
        "GET",
        "import",
        "What an import would make",
        "importing.propose_import",
        "bodies.Propose",
        "answers.Import",
        "read",
    ),
    Route(
        "POST",
        "import",
        "Make an arena of a file",
        "importing.import_arena",
        "bodies.Import",
        "answers.Said",
        "write",
        201,
    ),
    _get("state", "How an arena stands", "state", "Arena", "State"),
    _get("iterations", "A page of iterations, newest first", "iterations", "Page", "Page"),
    _get("iterations/{number}", "One iteration with all that is known of it", "iteration", "Arena", "Detail"),
    _get("iterations/{number}/sources", "All that an iteration was made of", "sources", "Arena", "Sources"),
    _get("compare", "Two iterations side by side", "compare", "Compare", "Comparison"),
    _get("curve", "The learning curve of an iteration's last attempt", "curve", "Curve", "Curve"),
    _get("proposals", "The latest proposals", "proposals", "Proposals", "Proposals"),
    _get("proposals/{id}", "One proposal with what it would change", "proposal", "Arena", "Proposal"),
    _get("check", "What is wrong with an arena", "check", "Arena", "Check"),
    _get("strategy", "The strategy as it stands in the notebook", "strategy", "Arena", "Strategy"),
    _do("strategy", "Put a new strategy into the notebook", "rewrite_strategy", "Strategy", 200, "write", "PUT"),
    _do("step", "Start a driver for one iteration, or for one proposal to review", "step", "Step", 202),
    _do("auto", "Start a driver that goes on by itself", "auto", "Auto", 202),
    _do("pause", "Pause the driver after its iteration", "pause", "OfArena"),
    _do("resume", "Let a paused driver go on", "resume", "OfArena"),
    _do("stop", "End the driver after its iteration, or at once", "stop", "Stop"),
    _do("proposals/{id}/accept", "Let a waiting proposal run next", "accept", "Run"),
    _do("proposals/{id}/skip", "End a waiting proposal without a run", "skip", "Skip"),
    _do("proposals/{id}/take-over", "Run the person's version instead", "take_over", "TakeOver"),
    _do("iterations/{number}/fork", "Go on from an iteration", "fork", "OfArena"),
    _do("iterations/{number}/champion", "Make an iteration the champion", "champion", "OfArena"),
    _do("iterations/{number}/replicate", "Run an iteration once more, with a fresh seed", "replicate", "Run"),
    _do("iterations/{number}/confirm", "Hold a keep against fresh runs of its base", "confirm", "Run"),
    _do("iterations/{number}/apply", "Put an iteration's cells into the notebook", "apply", "Apply", action="write"),
    _do("iterations/{number}/export", "Write an iteration as a notebook of its own", "export", "Export"),
    _do("report", "Write what the runs brought as a notebook", "report", "Report"),
    Route("GET", "openapi.json", "This description", "openapi.answer", "bodies.Nothing", "answers.Document", "read"),
)

EVENTS = Route(
    "GET",
    "events",
    "The arena's events as they come: a WebSocket, whose frames are the messages that wire.ts describes",
    "",
    "bodies.Events",
    "answers.Document",
    "read",
    101,
)
"""The event stream, which has a handler of its own."""
