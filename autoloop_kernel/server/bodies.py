"""What requests may hold: bodies are taken strictly, and whatever is not named here is refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MOST = 1_000_000
"""An upper bound for numbers of iterations."""

MOST_AHEAD = 100
"""An upper bound for proposals that are made ready before their turn."""

ArenaPath = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1000),
    Field(description="The arena: its notebook's path below the server's root, with forward slashes."),
]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
Text = Annotated[str, StringConstraints(max_length=1_000_000)]
AgentName = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
Agents = Annotated[list[AgentName], Field(min_length=1, max_length=8, description="Those that earn more propose more.")]
Filter = Literal[
    "keep", "discard", "crash", "timeout", "pruned", "running", "provisional", "confirmed", "refuted"
]  # fmt: skip


class Query(BaseModel):
    """What stands behind the question mark: text, read as what it is to be."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Body(BaseModel):
    """A JSON object, without any conversion: "1" is no number."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Nothing(Query):
    """No parameter at all."""


class Arena(Query):
    """Which arena."""

    arena: ArenaPath


class Curve(Arena):
    """Which iteration's curve."""

    number: Number


class Compare(Arena):
    """Which two iterations: what `b` has that `a` has not."""

    a: Number
    b: Number


class Page(Arena):
    """Which iterations: those numbered below `before`, newest first, `limit` at most, that pass every filter."""

    before: Number | None = None
    limit: Annotated[int, Field(ge=1, le=5000)] = 1000
    epoch: Number | None = None
    verdict: Filter | None = None
    agent: Annotated[str, StringConstraints(max_length=200)] | None = None
    search: Annotated[str, StringConstraints(max_length=200)] | None = None


class Proposals(Arena):
    """Which proposals: all, or those of one status."""

    status: Literal["pending", "waiting", "accepted", "ran", "invalid", "duplicate", "skipped"] | None = None


class Events(Arena):
    """From which event on; without `after`, from now on."""

    after: Annotated[int, Field(ge=0, le=10**15 - 1)] | None = None


class New(Body):
    """A bundled arena's name and the folder for its copy ("" is the server's root), made if need be."""

    template: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    folder: Annotated[str, StringConstraints(max_length=1000)] = ""


class Propose(Query):
    """An import: the file or folder below the server's root, and what the person has chosen so far."""

    path: ArenaPath
    score: Annotated[str, StringConstraints(max_length=500)] = ""
    direction: Literal["min", "max"] | None = None
    answer: Annotated[str, StringConstraints(max_length=500)] = ""


Names = Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=1000)]], Field(max_length=500)]


class Import(Body):
    """What to import, where to ("": beside it), and every choice; what is left out is taken as proposed."""

    path: ArenaPath
    out: Annotated[str, StringConstraints(max_length=1000)] = ""
    score: Annotated[str, StringConstraints(max_length=500)] = ""
    direction: Literal["min", "max"] | None = None
    answer: Annotated[str, StringConstraints(max_length=500)] = ""
    editable: Names = Field(default_factory=list)
    seal: Names = Field(default_factory=list)
    budget_s: Annotated[float, Field(gt=0, le=1_000_000)] | None = None


class OfArena(Body):
    """Which arena."""

    arena: ArenaPath


class Strategy(OfArena):
    """The new strategy, Markdown."""

    text: Text


class Step(OfArena):
    """One iteration; with `review` one proposal that waits for a person."""

    agents: Agents = Field(default_factory=lambda: ["search"])
    review: bool = False


class Auto(OfArena):
    """Until so many iterations are run, so many hours are over, or the champion's score has reached `until`.

    Or until its agents have spent `max_cost` dollars. While something runs, up to `ahead` proposals are made ready.
    `workers` says what runs at once: a number ("4"), "ray", "ray:4" or "ray://HOST:PORT". It shares with others over
    the git repository `share`, an address or a folder (below the server's root, where its path is no whole one), every
    `share_every` minutes; with `islands` each agent has a line of its own.
    """

    agents: Agents = Field(default_factory=lambda: ["search"])
    iterations: Annotated[int, Field(ge=1, le=MOST)] | None = None
    hours: Annotated[float, Field(gt=0, le=10_000)] | None = None
    until: Annotated[float, Field(ge=-1e300, le=1e300)] | None = None
    max_cost: Annotated[float, Field(gt=0, le=MOST)] | None = None
    ahead: Annotated[int, Field(ge=0, le=MOST_AHEAD)] | None = None
    workers: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)] = "1"
    share: Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)] | None = None
    share_every: float | None = None
    islands: bool = False


class Stop(OfArena):
    """Once what runs has its verdict, or at once: then it is run again at the next start."""

    now: bool = False


class Run(OfArena):
    """With `run`, a driver is started for it where none is at work."""

    run: bool = True


class Skip(OfArena):
    """Why: every agent that is asked later reads it."""

    reason: Annotated[str, StringConstraints(max_length=2000)] = ""


class TakeOver(Run):
    """The person's sources by unit name; units that are left out stay as proposed."""

    units: Annotated[dict[str, Text], Field(max_length=500)]


class Apply(OfArena):
    """Without `cells` only the editable files are written: the notebook is open, and its page puts the cells in."""

    cells: bool = True


class Report(OfArena):
    """Where to (below the server's root), of the last so many `hours` or all, whether a page is written, too."""

    out: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    hours: Annotated[float, Field(gt=0, le=100_000)] | None = None
    html: bool = False
    force: bool = False


class Export(OfArena):
    """Where to (below the server's root), whether to run it afresh, and whether to overwrite what is no export."""

    out: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    verify: bool = False
    force: bool = False
