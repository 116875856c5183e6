"""The person as an agent: what they edited in their own notebook, laid over the champion, is the proposal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoloop_kernel.agents.base import Context, NothingNew, Own
from autoloop_kernel.agents.scratch import edits
from autoloop_kernel.arena.merge import merge_units
from autoloop_kernel.records import AutoloopError, Proposal

Units = Mapping[str, str]


class HumanAgent:
    """Proposes the person's edits of the editable cells and files in NAME.ipynb, against the version they were made of.

    Where the champion has moved on since that version, the edits are laid over it line by line.
    """

    name = "human"
    quick = True

    def propose(self, context: Context) -> Proposal:
        """Give the edits as a proposal.

        Raises `NothingNew`, in one line that says what to do, where nothing was edited, the same edit was proposed
        before, it may not run, or it conflicts with what became the champion.
        """
        own = context.own()
        if context.refusal is not None:
            raise NothingNew(f"your edit of {own.notebook} may not run: {context.refusal}")
        edit = _edit(context, own)
        if not edit.after:
            raise NothingNew(f"{own.notebook} holds no edit of yours{edit.since}: {_how(context)}")
        known = context.is_known(own.units)
        if known:
            raise NothingNew(f"{own.notebook} holds the code of iteration {known}, which ran already: {_how(context)}")
        units, conflicts = edit.over(context.units)
        if conflicts:
            raise NothingNew(
                f"your edit of {', '.join(conflicts)} and what iteration {context.base} changed{edit.since} touch the "
                f"same lines: keep a copy of yours, run autoloop apply {own.notebook}, and make your edit in what it "
                "puts there"
            )
        units = {name: text for name, text in units.items() if text != context.units[name]}
        if not units:
            raise NothingNew(f"iteration {context.base} has your edit of {own.notebook} already: {_how(context)}")
        before = _proposed_before(context, edit)
        if before:
            raise NothingNew(f"your edit of {own.notebook} {before}: {_how(context)}")
        return Proposal(_title(context, units), units, agent=self.name, base=context.base, id=context.proposal_id)


@dataclass(frozen=True)
class _Edit:
    """What the person edited: the units that differ, as they were `before` and are `after`, and since which version."""

    before: Units
    after: Units
    since: str

    def over(self, units: Units) -> tuple[dict[str, str], list[str]]:
        """Lay the edit over `units`; gives the edited ones as they come out, and the names of those that conflict."""
        return merge_units(self.before, units, self.after)

    def makes(self, base: Units, result: Units) -> bool:
        """Whether `result` is what comes of it over `base`."""
        units, conflicts = self.over(base)
        return not conflicts and {**base, **units} == dict(result)


def _edit(context: Context, own: Own) -> _Edit:
    number, version = _made_of(context, own)
    since = "" if number is None else f" since iteration {number}"
    before = {name: version.get(name, text) for name, text in context.units.items()}
    changed = [name for name, text in own.units.items() if name in before and text != before[name]]
    return _Edit({name: before[name] for name in changed}, {name: own.units[name] for name in changed}, since)


def _made_of(context: Context, own: Own) -> tuple[int | None, Units]:
    """The version that the person's edits were made of: the one applied last, or a later one of their own.

    An own iteration that edited just that version was the notebook as it stood then; while the champion goes back to
    it, what the person has edited since is all that is new.
    """
    number, version = own.iteration, own.applied
    for mine in _ancestry(context):
        one = next((it for it in context.history if it.number == mine), None)
        if one is None or one.agent != HumanAgent.name or one.base is None or mine <= own.after:
            continue
        there, here = _sources(context, one.base), _sources(context, mine)
        if there is not None and here is not None and there == dict(version):
            number, version = mine, here
    return number, version


def _ancestry(context: Context) -> list[int]:
    """The iterations that led to the champion, itself included, oldest first."""
    bases = {iteration.number: iteration.base for iteration in context.history}
    found: list[int] = []
    number = context.base
    while number is not None and number in bases and number not in found:
        found.append(number)
        number = bases[number]
    return found[::-1]


def _proposed_before(context: Context, edit: _Edit) -> str:
    """What became of this very edit, where it was the person's last iteration or was set aside; else empty.

    The champion may be another by now, so that it makes other code: it is not tried on each champion anew.
    """
    last = next((one for one in reversed(context.history) if one.agent == HumanAgent.name), None)
    if last is not None and last.base is not None:
        base, result = _sources(context, last.base), _sources(context, last.number)
        if base is not None and result is not None and edit.makes(base, result):
            return f"ran as iteration {last.number} ({last.verdict})"
    for proposal in context.refused:
        base = _sources(context, proposal.base) if proposal.base is not None else None
        if proposal.agent == HumanAgent.name and base is not None and edit.makes(base, {**base, **proposal.units}):
            return "is proposed already, and waits, or was skipped"
    return ""


def _sources(context: Context, number: int) -> dict[str, str] | None:
    """The units of an iteration; None where the lineage lacks them."""
    try:
        return dict(context.sources(number))
    except (AutoloopError, LookupError):
        return None


def _how(context: Context) -> str:
    return f"change an editable cell or file ({', '.join(context.units)}), save it, and step again"


def _title(context: Context, units: Units) -> str:
    """ "model, train.py by hand (+3 −1)"."""
    counts = edits(context.units, units)
    return f"{', '.join(units)} by hand" + (f" (+{counts[0]} −{counts[1]})" if counts else "")
