"""Arenas: those that there are, what is wrong with one, and what an import would make."""

from __future__ import annotations

from typing import Literal

from autoloop_kernel.server.answers.common import Answer, Metric


class ArenaItem(Answer):
    """One line of the arena picker; `problem` says why an unsound arena cannot run."""

    path: str
    name: str
    state: Literal["idle", "running", "paused", "stopping", "unsound"]
    iterations: int
    best: float | None
    metric: Metric | None
    problem: str


class Template(Answer):
    """A bundled arena."""

    name: str
    title: str
    summary: str


class Arenas(Answer):
    """The arenas below the server's root; `truncated`: there were more folders than are looked through."""

    arenas: list[ArenaItem]
    templates: list[Template]
    agents: list[str]
    truncated: bool


class Check(Answer):
    """What is wrong with an arena, and one line about a sound one."""

    errors: list[str]
    notes: list[str]
    sound: str


class Strategy(Answer):
    """The strategy cell's text, Markdown."""

    text: str


class ImportChoice(Answer):
    """Something that agents may be let change: a code cell by its number, or a file."""

    name: str
    title: str
    editable: bool


class Import(Answer):
    """What an import would make of a file or folder; `whole`: a script that runs unchanged.

    `answer` is `none` where no function answers, and then `why` says why; `seals` are files for the referee alone.
    """

    whole: bool
    out: str
    score: str
    scores: list[str]
    direction: Literal["min", "max"]
    answer: str
    answers: list[str]
    choices: list[ImportChoice]
    seals: list[str]
    budget_s: float
    grade: Literal["sealed", "self-reported"]
    why: str
    notes: list[str]
