"""A proposal as a mimebundle: what it would change and why, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from autoloop_kernel.memory.rows import ProposalRow
from autoloop_kernel.views import words
from autoloop_kernel.views.diff import coloured, unified, visible
from autoloop_kernel.views.html import page
from autoloop_kernel.views.html.diff import diff
from autoloop_kernel.views.html.record import changes

MIME = "application/vnd.autoloop.proposal+json"
STATUS = {
    "waiting": ("◐", "waits for review", "al-run"),
    "accepted": ("○", "accepted, runs next", "al-keep"),
    "pending": ("…", "in the queue", "al-rest"),
    "invalid": (words.DASH, "invalid", "al-rest"),
    "duplicate": (words.DASH, "duplicate", "al-rest"),
    "skipped": (words.DASH, "skipped", "al-rest"),
}


def bundle(
    row: ProposalRow, before: Mapping[str, str], arena: str, number: int | None, champion: int | None = None
) -> dict[str, Any]:
    """The mimebundle of a proposal: JSON, HTML and plain text.

    `before` holds the complete sources of its base by unit name, `number` is the number that its iteration has or will
    have (None where that is open; one that ran has its own), `champion` the champion's number, where known.
    """
    number = row.iteration if row.iteration is not None else number
    return {
        MIME: data(row, before, arena, number),
        "text/html": page.block(*fragments(row, before, arena, number, champion)),
        "text/plain": plain(row, before, arena, number, champion),
    }


def data(row: ProposalRow, before: Mapping[str, str], arena: str, number: int | None) -> dict[str, Any]:
    """The proposal's fields, its status, and `changes` (unit, before, after) against its base."""
    p = row.proposal
    return dict(
        page.tidy(
            {
                "id": row.id,
                "number": number,
                "title": p.title,
                "hypothesis": p.hypothesis,
                "agent": p.agent,
                "base": p.base,
                "status": row.status,
                "reason": row.reason,
                "iteration": row.iteration,
                "epoch": row.epoch,
                "time": row.time,
                "arena": arena,
                "changes": changes(before, {**before, **p.units}),
            }
        )
    )


def status(row: ProposalRow) -> str:
    """Where a proposal stands, in words: `waits for review`, `skipped: too slow`, `ran as iteration 7`."""
    if row.status == "ran":
        return f"ran as iteration {row.iteration}" if row.iteration is not None else "ran"
    said = STATUS[row.status][1] if row.status in STATUS else words.plain(row.status)
    return f"{said}: {words.shorten(row.reason, 1000)}" if row.reason.strip() else said


def fragments(
    row: ProposalRow, before: Mapping[str, str], arena: str, number: int | None, champion: int | None = None
) -> list[str]:
    """The parts of a proposal's HTML, for a frame."""
    after = {**before, **row.proposal.units}
    mark, _, kind = STATUS.get(row.status, ("·", "", "al-rest"))
    changed = page.note("It changes nothing of its base.")
    if after != dict(before):
        changed = diff(before, after, _base(row), "proposed")
    return [
        page.head(_title(row, number), _origin(row, arena, champion)),
        f'<p class="al-status"><b class="{kind}">{mark} {page.esc(status(row))}</b></p>',
        page.prose(row.proposal.hypothesis),
        changed,
    ]


def plain(
    row: ProposalRow, before: Mapping[str, str], arena: str, number: int | None, champion: int | None = None
) -> str:
    """The same as plain text."""
    p = row.proposal
    mark = STATUS.get(row.status, ("·", "", ""))[0]
    text = unified(before, {**before, **p.units}, _base(row), "proposed")
    parts: list[RenderableType] = [Text(_title(row, number))]
    parts += [Text(" · ".join(part for part in _origin(row, arena, champion) if part)), Text(f"{mark} {status(row)}")]
    if p.hypothesis.strip():
        parts += ["", Padding(Text(visible(" ".join(p.hypothesis.split()))), (0, 2))]
    parts += ["", coloured(text) if text else Text("it changes nothing of its base")]
    return page.text(Group(*parts))


def _title(row: ProposalRow, number: int | None) -> str:
    title = words.plain(row.proposal.title) or "a proposal without a title"
    return title if number is None else f"{number} · {title}"


def _base(row: ProposalRow) -> str:
    return "the arena" if row.proposal.base is None else f"iteration {row.proposal.base}"


def _origin(row: ProposalRow, arena: str, champion: int | None) -> list[str]:
    """Who proposed it, on what, where and when."""
    base = row.proposal.base
    return [
        f"by {words.shorten(row.proposal.agent, 60)}" if row.proposal.agent else "",
        "" if base is None else f"on {base}{' (champion)' if base == champion else ''}",
        words.shorten(arena, 60),
        words.moment(row.time) if row.time else "",
    ]
