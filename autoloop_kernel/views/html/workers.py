"""The workers of a driver as HTML: a row each, with what it runs and how busy it was."""

from __future__ import annotations

import math
from collections.abc import Sequence

from autoloop_kernel.views import words
from autoloop_kernel.views.html import page
from autoloop_kernel.views.workers import Worker, does, percent

HEADS = ("worker", "where", "runs", "for", "busy")
KINDS = ("", "", "al-wide", "al-num", "al-num")

STYLE = """
.al-block .al-busy{display:inline-block;vertical-align:middle;width:54px;height:4px;border-radius:2px;overflow:hidden;
margin-right:6px;background:var(--al-line)}
.al-block .al-busy>span{display:block;height:100%;background:var(--al-run)}
""".strip()


def workers(found: Sequence[Worker], now: float) -> str:
    """A table: name and place of each, what it runs (or what is the matter), for how long, and how busy it was."""
    return page.table(HEADS, [_row(worker, now) for worker in found], KINDS)


def _row(worker: Worker, now: float) -> list[str]:
    seen, run = worker.look, worker.run
    sign = f'<span class="{page.CLASSES.get(seen.colour, "al-rest")}">{page.esc(seen.sign)}</span>'
    # Whole seconds: a table that is filled again and again is not to flicker.
    since = words.duration(float(math.floor(max(0.0, now - run.phase_since)))).replace(".0 s", " s") if run else ""
    told = f"{page.esc(run.phase)} {page.esc(since)}" if run else ""
    return [
        f"{sign} {page.line(worker.name, 40)}",
        page.line(worker.where, 40),
        page.line(does(worker)),
        told,
        _busy(worker, now),
    ]


def _busy(worker: Worker, now: float) -> str:
    """The busy share as a slim bar and a number."""
    share = worker.busy(now)
    if share is None:
        return page.esc(words.DASH)
    bar = f'<span class="al-busy" aria-hidden="true"><span style="width:{100 * share:.0f}%"></span></span>'
    return f"{bar}{page.esc(percent(share))}"
