"""What a notebook's cells give back: plain values that show themselves, in a notebook, a saved file or a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from autoloop_kernel.export import Exported
from autoloop_kernel.records import Attempt, Metric, Point, Seconds
from autoloop_kernel.views import words
from autoloop_kernel.views.detail import Detail
from autoloop_kernel.views.html import iteration as html
from autoloop_kernel.views.html import page
from autoloop_kernel.widgets.show import Shown


class Result:
    """Something that shows itself as the mimebundle that `make` gives; its `text/plain` is what a terminal shows."""

    def __init__(self, make: Callable[[], Mapping[str, Any]]) -> None:
        self._make = make
        self._made: dict[str, Any] | None = None

    def bundle(self) -> dict[str, Any]:
        """The mimebundle, made when it is first asked for."""
        if self._made is None:
            self._made = dict(self._make())
        return self._made

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.bundle()

    def __repr__(self) -> str:
        return str(self.bundle()["text/plain"])


class IterationView(Result):
    """One iteration with all that is known of it; as a cell's last line it shows title, diff, curve, score and why.

    Scores and numbers are as they stood when it was read; `Workbench[n]` reads it anew.
    """

    def __init__(self, detail: Detail, champion: int | None) -> None:
        super().__init__(lambda: html.bundle(detail, champion))
        self._detail, self._champion = detail, champion
        self._it = detail.iteration
        self.shown = Shown()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """In full, but one line where the full record stands in the same cell already."""
        return self.brief() if self.shown.here() else self.bundle()

    def brief(self) -> dict[str, Any]:
        """The mimebundle of one line."""
        return html.brief(self._detail, self._champion)

    def __repr__(self) -> str:
        return str(self.brief()["text/plain"])

    @property
    def number(self) -> int:
        """Its number, 1 for the first."""
        return self._it.number

    @property
    def base(self) -> int | None:
        """The number of the iteration that it edits; None for a baseline."""
        return self._it.base

    @property
    def epoch(self) -> int:
        """Which epoch it belongs to: scores never cross epochs."""
        return self._it.epoch

    @property
    def title(self) -> str:
        """What was tried, on one line; an agent's words."""
        return self._it.title

    @property
    def hypothesis(self) -> str:
        """Why it was tried; an agent's words."""
        return self._it.hypothesis

    @property
    def agent(self) -> str:
        """Who proposed it."""
        return self._it.agent

    @property
    def verdict(self) -> str | None:
        """`keep`, `discard`, `crash`, `timeout` or `pruned`; None while it runs."""
        return None if self._it.verdict is None else str(self._it.verdict)

    @property
    def state(self) -> str | None:
        """Of a keep: `provisional`, `confirmed` or `refuted`."""
        return self._it.state

    @property
    def score(self) -> float | None:
        """The number that its score cells gave, in the metric's unit; None without one."""
        return self._it.score

    @property
    def difference(self) -> float | None:
        """Its score less its base's; None where one of them has none."""
        return html.difference(self._detail)

    @property
    def reason(self) -> str:
        """Why the verdict is what it is."""
        return self._it.reason

    @property
    def seconds(self) -> Seconds:
        """Where its wall-clock time went."""
        return self._it.seconds

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Its executions, each with seed, score and verdict."""
        return self._it.attempts

    @property
    def facts(self) -> Mapping[str, Any]:
        """The receipt of what was really run, in the candidate's own words."""
        return dict(self._it.attempts[-1].facts) if self._it.attempts else {}

    @property
    def curve(self) -> tuple[Point, ...]:
        """The learning curve of its last attempt."""
        return self._detail.curve

    @property
    def sources(self) -> dict[str, str]:
        """Its complete sources by cell name or file path."""
        return dict(self._detail.after)

    @property
    def log(self) -> str:
        """The last lines of its log."""
        return self._detail.log

    @property
    def notebook(self) -> Path | None:
        """Its executed notebook; None where there is none yet."""
        return self._detail.notebook

    @property
    def commit(self) -> str | None:
        """Its commit in `lineage.git`."""
        return self._it.commit


WIDE = 840
"""How wide a plot is shown, in CSS pixels; it is drawn with more, for fine screens."""


class Picture(Result):
    """A plot: `png` holds its bytes."""

    def __init__(self, png: bytes, text: str) -> None:
        self.png = png
        super().__init__(
            lambda: {
                "text/html": page.block(page.picture(png, text, WIDE)),
                "image/png": png,
                "text/plain": page.safe(words.plain(text)),
            }
        )

    def save(self, path: str | Path) -> Path:
        """Write the picture to `path`, a `.png`; gives the path."""
        from autoloop_kernel.durable import write_atomic

        write_atomic(Path(path), self.png)
        return Path(path)


def told(lines: Sequence[str], title: str = "") -> dict[str, Any]:
    """The mimebundle of a few plain lines under a title."""
    shown = [page.head(title, []) if title else "", *(page.note(line) for line in lines)]
    return {"text/html": page.block(*shown), "text/plain": page.safe("\n".join([*([title] if title else []), *lines]))}


class Told(Result):
    """A few plain lines, such as what `check` found; `str()` gives them as text."""

    def __init__(self, lines: Sequence[str], title: str = "") -> None:
        super().__init__(lambda: told(lines, title))
        self.lines = list(lines)


class Checked(Told):
    """What is wrong with an arena: `problems`, each a plain line with its mend; empty where it is sound."""

    def __init__(self, problems: Sequence[str], notes: Sequence[str], sound: str) -> None:
        self.problems = list(problems)
        lines = [f"error  {line}" for line in problems] + [f"note   {line}" for line in notes]
        super().__init__(lines or [sound])


class Export(Result):
    """A winner's notebook: its `path`, the folder of its `files` (None without), `score` and `verified_score`."""

    def __init__(self, done: Exported, metric: Metric) -> None:
        super().__init__(lambda: self._told(metric))
        self.path, self.files, self.number = done.path, done.files, done.number
        self.score, self.verified_score, self.failure = done.score, done.verified_score, done.failure
        self._done = done

    def _told(self, metric: Metric) -> dict[str, Any]:
        """Where it lies, as a link where the notebook's folder holds it, and what it scored."""
        from autoloop_kernel.commands.winning import both_scores

        shown = _near(self.path)
        link = page.esc(shown)
        if not Path(shown).is_absolute():
            link = f'<a href="{page.esc(quote(shown))}">{link}</a>'
        files = f", its files in {_near(self.files)}" if self.files else ""
        lines = [both_scores(self._done, metric)] if self.verified_score is not None else []
        lines += [self.failure] if self.failure else []
        first = f": iteration {self.number}{files}"
        fragment = f'<p class="al-note">{link}{page.esc(first)}</p>' + "".join(page.note(line) for line in lines)
        return {"text/html": page.block(fragment), "text/plain": page.safe("\n".join([f"{shown}{first}", *lines]))}


def _near(path: Path) -> str:
    """A path relative to the working folder where it lies below it, for people; absolute elsewhere."""
    here, whole = Path.cwd(), path.absolute()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else str(whole)
