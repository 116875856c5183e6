"""What runs now, as HTML: an iteration under way, and the state of a driver. Pure functions, drawn anew each time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoloop_kernel.records import Iteration
from autoloop_kernel.views import driving, words
from autoloop_kernel.views import workers as crew
from autoloop_kernel.views.driving import Driving
from autoloop_kernel.views.html import page
from autoloop_kernel.views.html.workers import STYLE as ROWS
from autoloop_kernel.views.html.workers import workers
from autoloop_kernel.views.scene import Scene

DRIVER = "application/vnd.autoloop.driver+json"
WIDTH, PLOT = 560, 720
"""How wide a live curve and a driver's progress are shown, in CSS pixels."""

CURVE_SHAPE, PLOT_SHAPE = "6.4/2.2", "9.6/5.4"
"""Their width by their height: so much room they have before they are there, lest what stands below moves."""

SPACE = "\N{NO-BREAK SPACE}"
"""What holds a line open that says nothing now."""

STATES = {"running": ("●", "al-keep"), "paused": ("‖", "al-warn"), "stopping": ("■", "al-warn"), "ended": ("■", "")}

STYLE = """
.al-block .al-card{border:1px solid var(--al-line);border-radius:6px;padding:10px 14px;margin:0 0 10px;max-width:690px}
.al-block .al-card p{margin:0 0 6px}
.al-block .al-card p:last-child,.al-block .al-card .al-plot:last-child{margin-bottom:0}
.al-block .al-now{font-variant-numeric:tabular-nums}
.al-block .al-now b{font-weight:600;margin-right:6px}
.al-block .al-bar{display:block;height:4px;border-radius:2px;margin:0 0 8px;overflow:hidden;background:var(--al-line)}
.al-block .al-bar>span{display:block;height:100%;border-radius:2px;background:var(--al-run)}
.al-block p.al-signs{line-height:1.2}
.al-signs>.al-row{font-size:15px;letter-spacing:4px;margin-right:8px}
.al-block p.al-arena{display:flex;flex-wrap:wrap;align-items:center;gap:4px 12px;font-size:15px;max-width:720px}
.al-arena strong{font-weight:600}
.al-block .al-pill{border-radius:11px;padding:1px 11px;font-size:12px;font-weight:600;background:var(--al-shade);
white-space:nowrap;margin-left:auto}
.al-block .al-one{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.al-block .al-frame{display:flex;align-items:center;justify-content:center;max-width:100%;overflow:hidden;
margin:0 0 10px;border-radius:6px;box-sizing:border-box}
.al-block .al-frame:not(:has(img)){border:1px dashed var(--al-line)}
.al-block .al-frame>.al-plot{width:100%;margin:0}
.al-block .al-card .al-frame:last-child{margin-bottom:0}
.al-block .al-told p{margin:0 0 2px;color:var(--al-soft)}
.al-block .al-told{margin:0 0 10px}
""".strip()


@dataclass(frozen=True)
class Attempted:
    """What is tried now: its number and title, who proposed it and why, and complete sources by unit, edited and new.

    `base` is the number of the iteration that it edits; for a baseline it is None, and both mappings are empty.
    """

    number: int
    title: str
    agent: str = ""
    hypothesis: str = ""
    base: int | None = None
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)


def block(*parts: str) -> str:
    """Fragments in the frame of all views, with this one's style."""
    return page.block(f"<style>\n{STYLE}\n{ROWS}\n</style>", *parts)


def attempted(trial: Attempted, champion: int | None = None) -> str:
    """What is tried, as a fragment: head, hypothesis, and the change as a diff; a baseline says what it is for."""
    from autoloop_kernel.views.html.diff import diff

    if trial.base is None:
        origin, change = (
            "a baseline",
            page.note(
                "The arena as it stands, run once unchanged: the score that every later iteration is held against."
            ),
        )
    else:
        origin = f"on {trial.base}{' (champion)' if trial.base == champion else ''}"
        change = diff(trial.before, trial.after, f"iteration {trial.base}", f"iteration {trial.number}")
    by = f"by {words.shorten(trial.agent, 40)}" if trial.agent and trial.agent != "baseline" else ""
    head = page.head(f"{trial.number} · {words.plain(trial.title)}", [by, origin])
    why = page.prose(trial.hypothesis) if trial.base is not None else ""
    return "\n".join(part for part in (head, why, change) if part)


def thinking(scene: Scene) -> str:
    """The head while there is no proposal yet: whose turn it is."""
    held = f"on {scene.best_number} (champion)" if scene.best_number is not None else ""
    return page.head(scene.lane.title or "starting", [held])


def told(lines: Sequence[str]) -> str:
    """What agents and driver said on the way (plain text), a line each; empty without any."""
    said = "\n".join(f"<p>{page.line(line)}</p>" for line in lines if line.strip())
    return f'<div class="al-told">\n{said}\n</div>' if said else ""


def watched(scene: Scene, now: float, png: bytes | None = None) -> str:
    """How an iteration goes, as a card: phase, budget as bar and words, learning curve, and what it has to beat."""
    curve = framed(page.picture(png, curve_words(scene), WIDTH), WIDTH, CURVE_SHAPE) if png else ""
    best = ""
    if scene.best is not None:
        number = f", iteration {scene.best_number}" if scene.best_number is not None else ""
        best = page.pairs({f"best {scene.rules.metric.name}": f"{words.number(scene.best)}{number}"})
    return card(phase(scene, now), bar(scene, now), curve, best)


def framed(image: str, width: int, shape: str) -> str:
    """A picture (a fragment, also of words where it is to come) in room of its own, the same while it is read."""
    return f'<div class="al-frame" style="width:{width}px;aspect-ratio:{shape}">{image}</div>'


def unseen(fragment: str) -> str:
    """Nothing to see, as high as the fragment."""
    return f'<div style="visibility:hidden" aria-hidden="true">{fragment}</div>' if fragment else ""


def card(*parts: str) -> str:
    """Fragments in a quiet frame."""
    inner = "\n".join(part for part in parts if part)
    return f'<div class="al-card">\n{inner}\n</div>'


def phase(scene: Scene, now: float, number: bool = False) -> str:
    """One line: what is being done, for how long, and of which budget; with `number`, the iteration's."""
    name = f"{scene.lane.number} · {scene.lane.phase}" if number and scene.lane.number is not None else scene.lane.phase
    return f'<p class="al-now"><b>{page.esc(name)}</b> {page.esc(_elapsed(scene, now))}</p>'


def going(scene: Scene, now: float) -> str:
    """How an iteration goes, as one line of plain text."""
    return f"{scene.lane.phase}: {_elapsed(scene, now)}"


def _elapsed(scene: Scene, now: float) -> str:
    if scene.lane.phase == "recorded":
        return "in ledger, git and notebook"
    return clock(scene, now) if scene.lane.phase == "running" else _ticking(now - scene.lane.since)


def clock(scene: Scene, now: float) -> str:
    """The budget in words: `9 of 15 s, 6 left`; without decimals where they would only flicker."""
    budget = scene.rules.budget_s
    spent = min(budget, scene.spent(now))
    places = 0 if budget >= 10 else 1
    unit = " s of CPU time" if scene.rules.clock == "cpu" else " s"
    whole = f"{budget:g}{unit}"
    return f"{spent:.{places}f} of {whole}, {budget - spent:.{places}f} left"


def bar(scene: Scene, now: float) -> str:
    """The share of the budget that is spent, as a bar, which is there and empty while nothing trains."""
    if scene.rules.budget_s <= 0:
        return ""
    share = 100 * min(1.0, scene.spent(now) / scene.rules.budget_s) if scene.lane.phase == "running" else 0.0
    return f'<span class="al-bar"><span style="width:{share:.0f}%"></span></span>'


def curve_words(scene: Scene) -> str:
    """A learning curve in words, for those who do not see it."""
    if not scene.lane.curve:
        return "no learning curve yet"
    step, _, numbers = scene.lane.curve[-1]
    held = ", ".join(f"{name} {words.number(value)}" for name, value in numbers.items())
    return f"learning curve of iteration {scene.lane.number}: {held} at step {step:g}"


def state(stands: Driving, now: float) -> str:
    """How a driver stands, as a fragment that keeps its height: state, figures, the last verdicts, why it ended."""
    sign, colour = STATES[stands.state]
    pill = f'<span class="al-pill {colour}">{sign} {page.esc(_short(stands))}</span>'
    top = f'<p class="al-arena"><strong>{page.line(stands.status.arena, 80)}</strong> {pill}</p>'
    parts = (top, figures(stands, now), _line(stands), _signs(stands), told(driving.company_of(stands, now)))
    return "\n".join(part for part in parts if part)


def figures(stands: Driving, now: float) -> str:
    """Best score, its share since the baseline, pace and time left as large figures."""
    status = stands.status
    best, baseline = status.best, status.baseline
    items = [(page.esc(words.number(best.score if best else None)), f"best {status.metric.name}")]
    if best is not None and baseline is not None and best.number != baseline.number:
        items.append((page.esc(words.share(best.score, baseline.score) or words.DASH), "since baseline"))
    if status.rate:
        items.append((page.esc(f"{status.rate:,.0f}"), "an hour"))
    left = stands.left_s(now)
    if left is not None:
        items.append((page.esc(_rough(left)), "left"))
    return page.figures(items)


def _short(stands: Driving) -> str:
    """The state and how far it is, for the pill."""
    share = f" · {stands.ran} of {stands.planned}" if stands.planned else f" · {stands.ran} done"
    return stands.state + share


def under_way(stands: Driving, now: float, png: bytes | None = None, curves: bool = False) -> str:
    """What a driver does now, as a card: phase, budget, title and curve, or that it waits; empty after its end.

    The card keeps its height, whatever is under way; so it does where a curve comes or goes, if `curves` are expected.
    """
    scene = stands.scene
    if stands.ended is not None:
        return ""
    if crew.shown(stands.status.workers):
        return card(workers(stands.status.workers, now))
    busy = stands.busy
    doing = phase(scene, now, number=True) if busy else f'<p class="al-now">{SPACE}</p>'
    title = f'<p class="al-one">{page.line(scene.lane.title, 200) if busy else SPACE}</p>'
    curve = page.picture(png, curve_words(scene), WIDTH) if png else _to_come("no learning curve yet")
    return card(doing, bar(scene, now), title, framed(curve, WIDTH, CURVE_SHAPE) if png or curves else "")


def _to_come(said: str) -> str:
    return f'<span class="al-key">{page.esc(said)}</span>'


def _line(stands: Driving) -> str:
    """One line: why it ended, that it pauses or stops, and after what, or else who proposes."""
    if stands.ended is not None:
        return f"<p>{page.line(_sentence(stands.ended))}</p>"
    said = _waits(stands) or ", ".join(stands.status.agents)
    return f'<p class="al-one al-note">{page.line(said, 200) or SPACE}</p>'


def _waits(stands: Driving) -> str:
    """That the driver pauses or stops, and after what; empty where it does neither."""
    if stands.state not in ("paused", "stopping"):
        return ""
    if not stands.busy:
        return {"paused": "Paused: resume it here, or in any terminal.", "stopping": "Stopping."}[stands.state]
    what = "these iterations" if len(stands.status.flights) > 1 else "this iteration"
    return f"{'Pauses' if stands.state == 'paused' else 'Stops'} after {what}."


def _signs(stands: Driving) -> str:
    """The last verdicts as a row of signs, with their count in words; that there are none yet, where there are none."""
    scene = stands.scene
    signs = " ".join(
        f'<span class="{page.CLASSES.get(s.colour, "al-rest")}">{page.esc(s.sign)}</span>' for s in scene.looks
    )
    ends = [(scene.tally[verdict.value], words.look(verdict)) for verdict in words.ENDS]
    tally = ", ".join(f"{count} {seen.sign} {seen.word}" for count, seen in ends if count) or "no verdict yet"
    row = f'<span class="al-row" aria-hidden="true">{signs or SPACE}</span>'
    return f'<p class="al-signs">{row}{page.SEPARATOR}<span class="al-key">{page.esc(tally)}</span></p>'


def bundle(stands: Driving, now: float) -> dict[str, Any]:
    """A driver's state as a mimebundle: JSON, HTML and plain text."""
    return {
        DRIVER: page.tidy(driving.row(stands, now)),
        "text/html": block(state(stands, now)),
        "text/plain": page.safe(driving.text(stands, now)),
    }


def progress(png: bytes, arena: str, title: str) -> dict[str, Any]:
    """A driver's progress so far, drawn as `png` under the headline `title`, as a mimebundle."""
    shown = page.picture(png, f"progress of {words.plain(arena)}: {title}", PLOT)
    return {"text/html": block(framed(shown, PLOT, PLOT_SHAPE)), "text/plain": title}


def no_progress() -> dict[str, Any]:
    """The room for that picture, before there is one."""
    shown = framed(_to_come("no verdict yet: the progress is drawn here"), PLOT, PLOT_SHAPE)
    return {"text/html": block(shown), "text/plain": ""}


def of(iteration: Iteration, before: Mapping[str, str], units: Mapping[str, str]) -> Attempted:
    """What is tried in an iteration that edits sources `before` and proposes `units`."""
    it, after = iteration, {**before, **units}
    if it.base is None:
        return Attempted(it.number, it.title, it.agent, it.hypothesis)
    return Attempted(it.number, it.title, it.agent, it.hypothesis, it.base, before, after)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _ticking(seconds: float) -> str:
    """How long something lasts already, in whole seconds."""
    return words.duration(float(max(0, math.floor(seconds)))).replace(".0 s", " s")


def _rough(seconds: float) -> str:
    """A time left, as exactly as it is known: seconds up to a minute, else minutes."""
    if seconds < 60:
        return f"{math.ceil(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
