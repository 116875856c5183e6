"""What Claude can do: read the history, edit a draft, have it checked, propose it. Nothing here reaches further."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from anthropic.types import ToolParam
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autoloop_kernel.agents.base import Context
from autoloop_kernel.agents.claude.fence import fenced, line
from autoloop_kernel.agents.claude.prompt import Crash, remembered, titled, told
from autoloop_kernel.records import AutoloopError, Proposal

SHOWN = 6000
"""How many characters of code, log or difference one answer of a tool holds at most."""

POINTS = 40
"""How many points of a learning curve are shown at most."""


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Edit(_Input):
    """Replace an exact piece of text in a unit of your draft. The old text must occur exactly once."""

    unit: str = Field(description="The name of an editable cell or file.")
    old: str = Field(min_length=1, description="The text to be replaced, exactly as it stands, white space included.")
    new: str = Field(description="What takes its place; empty to remove it.")


class Rewrite(_Input):
    """Give a unit of your draft a whole new source."""

    unit: str = Field(description="The name of an editable cell or file.")
    source: str = Field(description="Its complete new source.")


class ReadIteration(_Input):
    """Read one iteration: verdict, score, hypothesis, what it changed, and the end of its log."""

    number: int = Field(ge=1, description="The iteration's number.")


class ReadCurve(_Input):
    """Read the learning curve that an iteration reported."""

    number: int = Field(ge=1, description="The iteration's number.")


class SearchFindings(_Input):
    """Search what all past iterations taught, for words."""

    text: str = Field(min_length=1, max_length=500, description="The words to look for.")


class Check(_Input):
    """Find out whether your draft may run, before the budget is spent on it, and what the memory knows of its like."""


class TakeUp(_Input):
    """Begin a repair: put the units of your crashed iteration into your draft, in place of what it holds."""

    number: int = Field(ge=1, description="The number of the iteration that crashed.")


class Propose(_Input):
    """Propose your draft as the next experiment. This ends your work."""

    title: str = Field(min_length=3, max_length=120, description="What changes, in a few words.")
    hypothesis: str = Field(min_length=3, max_length=1500, description="Why it should help.")
    expected_effect: str = Field(min_length=1, max_length=500, description="What the score should do, and how much.")
    refuted_by: str = Field(min_length=1, max_length=500, description="The one measurement that would refute it.")


TOOLS: Mapping[str, type[_Input]] = {
    "edit": Edit,
    "rewrite": Rewrite,
    "read_iteration": ReadIteration,
    "read_curve": ReadCurve,
    "search_findings": SearchFindings,
    "check": Check,
    "take_up": TakeUp,
    "propose": Propose,
}


def schemas() -> list[ToolParam]:
    """The tools as the Messages API wants them, always in the same order, so that a cache holds them."""
    return [
        {"name": name, "description": model.__doc__ or "", "input_schema": _bare(model.model_json_schema())}
        for name, model in TOOLS.items()
    ]


def _bare(schema: Any) -> Any:
    """A schema without the titles that pydantic makes up, and with the tool's description in one place only."""
    top = {key: value for key, value in schema.items() if key not in ("title", "description")}
    top["properties"] = {
        name: {key: value for key, value in field.items() if key != "title"}
        for name, field in schema.get("properties", {}).items()
    }
    return top


class Mistake(AutoloopError):
    """A use of a tool that cannot be met; the text tells the model what is wrong and how to mend it."""


@dataclass(frozen=True)
class Answer:
    """What a tool answers, and whether that is an error."""

    text: str
    error: bool = False


class Desk:
    """The draft of one proposal, and the tools that work on it. `proposal` is set once one was proposed and may run."""

    def __init__(self, context: Context, agent: str, crash: Crash | None) -> None:
        self.context, self.agent, self.crash = context, agent, crash
        self.draft = dict(context.units)
        self.repairs: int | None = None
        self.proposal: Proposal | None = None
        self._work: Mapping[type[_Input], Callable[[Any], str]] = {
            Edit: self._edit,
            Rewrite: self._rewrite,
            ReadIteration: self._iteration,
            ReadCurve: self._curve,
            SearchFindings: self._search,
            Check: self._check,
            TakeUp: self._take_up,
            Propose: self._propose,
        }

    def use(self, name: str, given: object) -> Answer:
        """Use the tool `name` with the input `given`, whatever the model put there; never raises for what it did."""
        model = TOOLS.get(name)
        if model is None:
            return Answer(f"there is no tool {line(name, 60)!r}: there is {', '.join(TOOLS)}", error=True)
        try:
            asked = model.model_validate(given)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'input'}: {one['msg']}" for one in error.errors())
            return Answer(
                f"the input of {name} is malformed ({line(wrong, 500)}): mend it and use it again", error=True
            )
        if self.proposal is not None:
            return Answer("you have proposed already: nothing more is done", error=True)
        try:
            return Answer(self._work[model](asked))
        except Mistake as error:
            return Answer(str(error), error=True)

    def _edit(self, asked: Edit) -> str:
        source = self._unit(asked.unit)
        old, new = self._ended(asked.unit, asked.old), self._ended(asked.unit, asked.new)
        count = source.count(old)
        if count == 0:
            raise Mistake(
                f"the old text does not occur in {asked.unit}: nothing was changed{self._near(source, asked)}"
            )
        if count > 1:
            raise Mistake(f"the old text occurs {count} times in {asked.unit}: take in more of the lines around it")
        return self._put(asked.unit, source.replace(old, new))

    def _near(self, source: str, asked: Edit) -> str:
        """The lines of the unit that are most like the first line that was looked for."""
        wanted = next((text for text in asked.old.splitlines() if text.strip()), "")
        close = difflib.get_close_matches(wanted, source.splitlines()[:5000], n=3, cutoff=0.5)
        return (
            "\n" + fenced(f"the lines of {asked.unit} that are most like it", "\n".join(close), 1000) if close else ""
        )

    def _rewrite(self, asked: Rewrite) -> str:
        self._unit(asked.unit)
        return self._put(asked.unit, self._ended(asked.unit, asked.source))

    def _ended(self, name: str, text: str) -> str:
        """The text with the line ends of the unit: those of Windows are shown as plain ones, and are to stay."""
        source = self.context.units[name]
        if not source.count("\n") == source.count("\r\n") > 0:
            return text
        return text.replace("\r\n", "\n").replace("\n", "\r\n")

    def _unit(self, name: str) -> str:
        if name in self.draft:
            return self.draft[name]
        names = ", ".join(self.draft)
        if name in self.context.locked:
            raise Mistake(f"{name} is locked: you may read it and not change it; yours are {names}")
        raise Mistake(f"there is no unit {line(name, 60)!r}: yours are {names}")

    def _put(self, name: str, source: str) -> str:
        self.draft[name] = source
        added, removed = _counts(self.context.units[name], source)
        return f"done: against the champion {name} has {added} lines added and {removed} removed"

    def _iteration(self, asked: ReadIteration) -> str:
        it = next((one for one in self.context.history if one.number == asked.number), None)
        if it is None:
            raise Mistake(f"there is no iteration {asked.number} in this epoch")
        parts = [fenced(f"iteration {it.number}", f"{told(it)}\n\n{it.hypothesis.strip()}", 3000)]
        parts.append(fenced(f"what iteration {it.number} changed", self._changes(it.number, it.base), SHOWN))
        parts.append(fenced(f"the end of the log of iteration {it.number}", self.context.log(it.number), SHOWN // 2))
        return "\n\n".join(parts)

    def _changes(self, number: int, base: int | None) -> str:
        try:
            after = self.context.sources(number)
            before = self.context.sources(base) if base is not None else {}
        except (AutoloopError, KeyError):
            return "its sources are not there"
        lines: list[str] = []
        for name, source in after.items():
            lines += difflib.unified_diff(
                before.get(name, "").splitlines(),
                source.splitlines(),
                f"{name} before",
                f"{name} after",
                lineterm="",
                n=2,
            )
        return "\n".join(lines) or "nothing"

    def _curve(self, asked: ReadCurve) -> str:
        if all(one.number != asked.number for one in self.context.history):
            raise Mistake(f"there is no iteration {asked.number} in this epoch")
        points = list(self.context.curve(asked.number))
        stride = -(-len(points) // POINTS) or 1
        rows = [
            f"step {point.step:g}, {point.seconds:.2f} s: "
            + ", ".join(f"{name}={value:.5g}" for name, value in point.numbers.items())
            for point in [*points[:-1:stride], *points[-1:]]
        ]
        return fenced(f"the curve of iteration {asked.number}", "\n".join(rows) or "it reported none", SHOWN)

    def _search(self, asked: SearchFindings) -> str:
        found = [remembered(one) for one in self.context.search(asked.text)]
        return fenced("findings", "\n".join(found) or "nothing", SHOWN)

    def _check(self, asked: Check) -> str:
        changed = self._changed()
        if not changed:
            raise Mistake("your draft is the champion: there is nothing to check before you edit it")
        said = self.context.check(changed)
        noticed = "\n".join(line(note, 400) for note in self.context.noticed(changed))
        told_ = fenced("what is wrong with your draft", said, SHOWN) if said else "nothing is wrong with your draft"
        if not noticed:
            return told_
        return f"{told_}\n\n{fenced('what the memory says: it may run all the same', noticed, SHOWN)}"

    def _take_up(self, asked: TakeUp) -> str:
        if self.crash is None or asked.number != self.crash.number:
            which = "there is none now" if self.crash is None else f"that is iteration {self.crash.number}"
            raise Mistake(f"only your own last crash may be repaired, twice in a row at most: {which}")
        sources = self.context.sources(asked.number)
        self.draft = {name: sources.get(name, source) for name, source in self.context.units.items()}
        self.repairs = asked.number
        units = [fenced(f"{name} of iteration {asked.number}", self.draft[name], 20_000) for name in self._changed()]
        return "\n\n".join(["your draft now holds its units:", *units])

    def _propose(self, asked: Propose) -> str:
        changed = self._changed()
        if not changed:
            raise Mistake("your draft is the champion: edit it before you propose it")
        reason = self.context.refuses(changed)
        if reason is not None:
            raise Mistake(f"this may not run: mend it and propose it again\n{fenced('why', line(reason, 600))}")
        told_ = f"{asked.hypothesis.strip()}\nExpected: {asked.expected_effect.strip()}\n"
        told_ += f"Refuted by: {asked.refuted_by.strip()}"
        title = line(titled(line(asked.title, 120), self.repairs), 140)
        self.proposal = Proposal(title, changed, told_, self.agent, self.context.base, self.context.proposal_id)
        return "proposed"

    def _changed(self) -> dict[str, str]:
        return {name: source for name, source in self.draft.items() if source != self.context.units[name]}


def _counts(before: str, after: str) -> tuple[int, int]:
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
    return sum(one.startswith("+") for one in lines), sum(one.startswith("-") for one in lines)
