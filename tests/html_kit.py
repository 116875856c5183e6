"""Checks of HTML that was made from hostile text: it nests, it closes, nothing in it runs; and its text alone."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from autoloop_kernel.figures import Figures
from autoloop_kernel.records import Attempt, Cost, Direction, Iteration, Kind, Metric, Point, Rules, Seconds, Verdict
from autoloop_kernel.views.detail import Detail

VOID = {"br", "hr", "img", "input", "meta", "link", "col", "wbr"}
INERT = {"style"}
HOSTILE = "<script>alert(1)</script></style><img src=x onerror=alert(2)> \"'`&amp; \x00\x1b[31mred\ud800 \u202eabc"
"""A title that wants to run, to close the style, to leave an attribute, to colour a terminal, to break an encoding."""


class Sound(HTMLParser):
    """Reads a page and raises where tags cross or stay open; `text` is what a reader sees without any style."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("td", "th", "tr", "li", "p", "div", "table", "pre"):
            self.pieces.append("\n")
        assert len(dict(attrs)) == len(attrs), f"an attribute of <{tag}> is given twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            assert not (self.open and self.open[-1] == "p" and tag in ("p", "div", "table", "pre", "details")), tag
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID, f"<{tag}/> does not close"
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> where <{self.open[-1]}> is open"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if not (self.open and self.open[-1] in INERT):
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def sound(html: str) -> Sound:
    """Read `html`; raises AssertionError where it is not well formed, or holds anything that would run."""
    page = Sound()
    page.feed(html)
    page.close()
    assert page.open == [], f"left open: {page.open}"
    html.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", html), "control characters"
    for tag, attributes in page.tags:
        assert tag not in {"script", "iframe", "object", "embed", "link", "meta", "form", "base"}, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), f"{name} on <{tag}>"
            assert "javascript:" not in (value or "").lower(), f"{name} of <{tag}>"
            if name in ("src", "href"):
                assert (value or "").startswith("data:image/png;base64,"), f"{name} of <{tag}> leaves the page"
        for each in (attributes.get("class") or "").split():
            assert each.startswith("al-"), f"class {each}"
    return page


def bare(html: str) -> str:
    """What is left of `html` after a strict sanitizer: no style sheet, no class, no style; still well formed."""
    stripped = re.sub(r"<style>.*?</style>", "", html, flags=re.S)
    return re.sub(r' (class|style|role|aria-level)="[^"]*"', "", stripped)


def detail(number: int = 7, base: int | None = 3, **changes: Any) -> Detail:
    """An iteration that kept: 0.5 against its base's 0.75 (lower is better); `changes` go into the detail."""
    then = Iteration(
        base or 1, 1, "p3", "the base", "search", 1, verdict=Verdict.KEEP, score=0.75, attempts=(attempt(),)
    )
    it = Iteration(
        number,
        1,
        "p7",
        "gate the values",
        "search",
        base,
        "Deeper layers lose\nwhat the embedding knew.\n\nRefuted if the curve lies above.",
        Verdict.KEEP,
        "provisional",
        0.5,
        "0.25 better than iteration 3",
        (attempt(1007, facts={"steps": 16, "loss": 0.6, "name": "<wide>"}, extra={"distance": 0.5}),),
        Seconds(0.1, 0.2, 1.0, 0.1, 1.5),
        f"game_runs/{number:04d}/iteration.ipynb",
        "0123456789abcdef",
        "game",
        1_700_000_000.0,
    )
    known = Detail(
        "game",
        Rules(Metric("distance", Direction.MIN, "m"), 3.0),
        it,
        then if base is not None else None,
        {"model": "X = 3.0\nY = 1\n"} if base is not None else {},
        {"model": "X = 0.5\nY = 1\n"},
        tuple(Point(k, k / 4, {"loss": 1 / (k + 1)}) for k in range(8)),
        tuple(Point(k, k / 4, {"loss": 2 / (k + 1)}) for k in range(8)),
        "epoch 1\n\x1b[31mepoch 2\x1b[0m <done>",
        Path("/nowhere/game_runs/0007/iteration.ipynb"),
        Cost("m", 3, 2000, 400, 700, 420, dollars=0.021),
        Figures(number, "provisional", 0.25 if base is not None else None),
    )
    return replace(known, **changes)


def attempt(seed: int = 1003, number: int = 1, **more: Any) -> Attempt:
    return Attempt(number, seed, Kind.SCREEN, Verdict.SCORED, 0.5, facts=more.pop("facts", {"steps": 12}), **more)


def with_iteration(known: Detail, **changes: Any) -> Detail:
    """The detail with other values in its iteration."""
    return replace(known, iteration=replace(known.iteration, **changes))
