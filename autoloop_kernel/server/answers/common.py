"""What all answers are made of, and those that tell in a line."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["keep", "discard", "crash", "timeout", "pruned", "scored", "interrupted", "contended"]
Standing = Literal["provisional", "confirmed", "refuted"]


class Answer(BaseModel):
    """A JSON object with these fields and no other."""

    model_config = ConfigDict(extra="forbid")


class Document(BaseModel):
    """A document in a format of its own."""


class Problem(Answer):
    """An error: one plain line that says what is wrong and how to mend it."""

    message: str


class Said(Answer):
    """What an action brought, in one line for the person, and by name."""

    said: str
    path: str = Field(default="")
    id: str = Field(default="")
    number: int = Field(default=0)
    score: float | None = Field(default=None)


class Metric(Answer):
    """The number that decides."""

    name: str
    direction: Literal["min", "max"]
    unit: str
    target: float | None
    grade: Literal["sealed", "self-reported"]


class Mark(Answer):
    """An iteration and its score; `state` is that of a keep."""

    number: int
    score: float | None
    state: Standing | None


class Cost(Answer):
    """What requests to a model took: tokens by kind, and dollars (null where no price is known)."""

    model: str
    requests: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    dollars: float | None
    unpriced: int
