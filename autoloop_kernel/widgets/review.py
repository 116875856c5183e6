"""The buttons under a proposal that waits: accept it, skip it with a reason, or take it over and run your version."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import ipywidgets as widgets

from autoloop_kernel import reviewing
from autoloop_kernel.memory.ledger import Ledger, ProposalRow
from autoloop_kernel.memory.proposals import TAKEN_OVER
from autoloop_kernel.records import Event
from autoloop_kernel.session import LEDGER, Session, open_session
from autoloop_kernel.views import words
from autoloop_kernel.views.follow import Follower
from autoloop_kernel.widgets import parts

CAME = {
    "pending": "It is on its way to a run.",
    "accepted": "Accepted: it runs next.",
    "invalid": "It may not run: {0}",
    "duplicate": "It does not run: {0}",
    "skipped": "Skipped: {0}",
    "ran": "It has begun, as iteration {1}.",
}
"""How a proposal was decided, in words: its reason, its number."""

DECISIONS = frozenset({"accepted", "refused", "iteration.start", "restored"})
"""The events after which a proposal may stand otherwise."""

FINAL = frozenset({"ran", "invalid", "duplicate", "skipped"})
"""After these nothing changes any more."""


class ReviewControls(widgets.VBox):  # type: ignore[misc]  # ipywidgets carries no types
    """Buttons that decide on the proposal `id` of the arena at `path`; they live while the notebook's kernel does.

    Each decision opens the arena for itself, since a callback may run in any thread. `on_change(id)` is called after
    one made here (after a take-over with the id of the person's version) and, from a thread of the controls' own, when
    the proposal was decided elsewhere or begins to run; that shows here within a second.
    """

    def __init__(self, path: Path, id: str, on_change: Callable[[str], None]) -> None:
        self._path, self._proposal, self._on_change = Path(path), id, on_change
        self._status, self._lock = "waiting", threading.Lock()
        self._texts: dict[str, tuple[str, widgets.Textarea]] = {}
        with open_session(self._path, create=False) as session:
            latest = session.ledger.last_event()
            row, base = self._read(session)
            ledger = session.arena.runs.resolve() / LEDGER
        self._line = parts.Line()
        self._choices, self._skipping, self._editing = self._choice(), self._skip_form(), self._edit_form(row, base)
        whole = parts.column(self._choices, self._skipping, self._editing, self._line)
        super().__init__(whole.children, layout=whole.layout)
        self._follower = Follower(ledger, self._look, latest.seq if latest else 0)
        self._open(self._choices)
        self._settle(row)
        if row.status not in FINAL:
            self._follower.start()

    def __repr__(self) -> str:
        """What a saved notebook shows in their place."""
        return "controls of a proposal: they live while this notebook's kernel runs"

    def close(self) -> None:
        """Take the controls away, and follow no longer."""
        self._follower.close()
        super().close()

    def _read(self, session: Session) -> tuple[ProposalRow, Mapping[str, str]]:
        """The proposal, and the complete sources that it edits."""
        row = reviewing.row(session, self._proposal)
        base = row.proposal.base
        return row, session.arena.sources if base is None else session.units(base)

    def _button(self, label: str, tip: str, action: Callable[[], None], primary: bool = False) -> widgets.Button:
        return parts.button(label, tip, action, self._line, primary)

    def _choice(self) -> widgets.HBox:
        self._accept = self._button("Accept and run", "Let this proposal run next", self._do_accept, primary=True)
        take = self._button("Take over…", "Edit the proposed cells and run your version", lambda: self._open_editors())
        skip = self._button("Skip with reason…", "Do not run it; agents read the reason", lambda: self._open_reason())
        self._ways = (take, skip)
        return parts.row(self._accept, take, skip)

    def _skip_form(self) -> widgets.HBox:
        self._reason = widgets.Text(
            placeholder="why not? agents will read it", tooltip="The reason", layout=widgets.Layout(width="420px")
        )
        self._skip = self._button("Skip", "Skip it with this reason", self._do_skip, primary=True)
        back = self._button("Back", "Decide otherwise; what you wrote stays", lambda: self._open(self._choices))
        return parts.row(self._reason, self._skip, back)

    def _edit_form(self, row: ProposalRow, base: Mapping[str, str]) -> widgets.VBox:
        proposed = row.proposal.units
        changed = [name for name, source in proposed.items() if source != base.get(name)] or list(proposed)
        others = [name for name in base if name not in changed]
        inside: list[widgets.Widget] = []
        for name in changed:
            inside += [parts.caption(name), self._editor(name, proposed[name])]
        if others:
            areas = [self._editor(name, proposed.get(name, base[name])) for name in others]
            titles = tuple(words.shorten(name, 80) for name in others)
            inside.append(widgets.Accordion(areas, titles=titles, selected_index=None))
        self._run = self._button(
            "Run my version", "Run what stands here next, as yours", self._do_take_over, primary=True
        )
        back = self._button("Back", "Decide otherwise; what you wrote stays", lambda: self._open(self._choices))
        return parts.column(*inside, parts.row(self._run, back))

    def _editor(self, name: str, source: str) -> widgets.Textarea:
        area = parts.editor(source, name)
        self._texts[name] = source, area
        return area

    def _open(self, form: widgets.Box) -> None:
        """Show one of the three forms; what was typed into the others stays there."""
        for each in (self._choices, self._skipping, self._editing):
            parts.shown(each, each is form)

    def _open_reason(self) -> None:
        self._open(self._skipping)
        self._reason.focus()

    def _open_editors(self) -> None:
        self._open(self._editing)
        next(iter(self._texts.values()))[1].focus()

    def _do_accept(self) -> None:
        self._decide(lambda session: reviewing.accept(session, self._proposal))

    def _do_skip(self) -> None:
        self._decide(lambda session: reviewing.skip(session, self._proposal, self._reason.value))

    def _do_take_over(self) -> None:
        mine = {name: area.value for name, (shown, area) in self._texts.items() if area.value != shown}
        self._decide(lambda session: reviewing.take_over(session, self._proposal, mine))

    def _decide(self, decision: Callable[[Session], str | None]) -> None:
        """Make a decision in a session of its own; raises `AutoloopError` where it cannot be made: nothing is lost."""
        with open_session(self._path, create=False) as session:
            runs = decision(session) or self._proposal
            row, _ = self._read(session)
        self._open(self._choices)
        self._settle(row)
        self._on_change(runs)

    def _look(self, ledger: Ledger, events: list[Event]) -> None:
        """See, in the follower's thread, whether the proposal stands otherwise than it is shown."""
        if not any(event.kind in DECISIONS for event in events):
            return
        row = ledger.proposal(self._proposal)
        if row is not None and self._settle(row):
            self._on_change(self._proposal)

    def _settle(self, row: ProposalRow) -> bool:
        """Show how the proposal stands; whether that is news."""
        with self._lock:
            if row.status == self._status:
                return False
            self._status = row.status
            for each in (self._accept, *self._ways, self._skip, self._run):
                each.disabled = True
            came = CAME[row.status].format(row.reason, row.iteration)
            self._line.say("Taken over: your version runs next." if row.reason == TAKEN_OVER else came)
        if row.status in FINAL:
            self._follower.close()
        return True
