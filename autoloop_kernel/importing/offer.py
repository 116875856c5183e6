"""An import as a form shows it: what is proposed for a checkout, a notebook or a script, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autoloop_kernel.importing import checkout, guided, script, selfreported
from autoloop_kernel.importing.checkout import Checkout
from autoloop_kernel.importing.plan import NONE, Plan, Wishes, plan
from autoloop_kernel.records import SEALED, SELF_REPORTED, Direction


@dataclass(frozen=True)
class Choice:
    """Something that agents may be let change: how it is named in an answer, what to show, whether it is proposed."""

    name: str
    title: str
    editable: bool


@dataclass(frozen=True)
class Offer:
    """What an import would make: a `whole` one runs a script unchanged, else cells are told apart.

    `answer` is `none` where nothing answers; `why` says why a self-reported score is only that; `seals` are the files
    that the referee alone would read.
    """

    whole: bool
    out: Path
    score: str
    scores: tuple[str, ...]
    direction: Direction
    answer: str
    answers: tuple[str, ...]
    choices: tuple[Choice, ...]
    seals: tuple[str, ...]
    budget_s: float
    grade: str
    why: str
    notes: tuple[str, ...]
    source: Plan | Checkout


def offer(origin: Path, wishes: Wishes) -> Offer:
    """What is proposed for the file or folder `origin`, as `wishes` say; raises `AutoloopError` as the readers do."""
    if origin.is_dir():
        return _whole(origin, origin / f"{origin.resolve().name}.ipynb", checkout.SCRIPT, wishes)
    original = script.read(origin)
    out = origin.with_name(f"{origin.stem}_arena.ipynb")
    if origin.suffix == ".py" and not wishes.answer and script.runs_whole(original):
        return _whole(origin.parent, out, origin.name, wishes)
    found = plan(original, wishes)
    code = [place for place, part in enumerate(original.parts) if part.kind == "code"]
    return Offer(
        whole=False,
        out=out,
        score=found.score.name,
        scores=tuple(dict.fromkeys([found.score.name, *(score.name for score in found.scores)])),
        direction=found.direction,
        answer=found.cut.answer if found.cut else NONE,
        answers=(*found.answers, NONE),
        choices=tuple(
            Choice(str(number), original.parts[place].title, place in found.editable)
            for number, place in enumerate(code, 1)
            if found.candidate(place)
        ),
        seals=found.sealed,
        budget_s=found.budget_s,
        grade=SEALED if found.cut else SELF_REPORTED,
        why=found.why,
        notes=tuple(found.notes),
        source=found,
    )


def _whole(folder: Path, out: Path, name: str, wishes: Wishes) -> Offer:
    """A checkout, or a script that runs as a whole."""
    wished = checkout.Wishes(name, wishes.score, wishes.direction, wishes.editable, "", wishes.budget_s)
    found = checkout.read(folder, wished)
    files = dict.fromkeys([*found.editable, *found.locked])
    return Offer(
        whole=True,
        out=out,
        score=found.score.name,
        scores=(found.score.name,),
        direction=found.score.direction,
        answer=NONE,
        answers=(NONE,),
        choices=tuple(Choice(file, file, file in found.editable) for file in files),
        seals=(),
        budget_s=found.budget_s,
        grade=SELF_REPORTED,
        why=selfreported.why(found)[0].partition(": ")[2],
        notes=tuple(found.notes),
        source=found,
    )


def make(offered: Offer, out: Path, links: bool = True) -> list[str]:
    """Write the arena that was offered to `out`; returns what the person should know besides, in plain words.

    Without `links` no folder of the person's home is linked beside it, and it is said which ones would be.
    """
    if isinstance(offered.source, Plan):
        return [*guided.write(offered.source, out)]
    return selfreported.write(offered.source, out, links)
