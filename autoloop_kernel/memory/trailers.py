"""What a commit message of the lineage says of its iteration, and how to read it back.

The subject is the title, the body the hypothesis, and the last paragraph git trailers: one line each, whatever the
title or the reason held.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from autoloop_kernel.memory.restore import Lost
from autoloop_kernel.memory.text import dumps, loads_map, one_line, plain
from autoloop_kernel.records import (
    Attempt,
    AutoloopError,
    Finding,
    Iteration,
    Kind,
    Seconds,
    Verdict,
    origin_of,
    to_json,
)

_NONE = "none"


def message_of(lost: Lost) -> str:
    """The commit message for an iteration, its code's key and its finding."""
    iteration = lost.iteration
    title = one_line(iteration.title)
    body = re.sub(r"^( *---)", r" \1", plain(iteration.hypothesis).strip("\n"), flags=re.MULTILINE)
    trailers = "\n".join(f"{key}: {value}".rstrip() for key, value in _trailers(lost, title).items())
    # A line of three dashes ends the message for git's own tools, so none may stand at the start of one.
    subject = f"title {title}" if title.startswith("---") else title or "(untitled)"
    return "\n\n".join(part for part in (subject, body, trailers) if part.strip()) + "\n"


def parse(message: str) -> Lost:
    """The iteration that a commit message tells of; raises `AutoloopError` when it is none of ours.

    Attempts are those of the trailer `Attempts`, without their facts and extras.
    """
    *front, last = message.rstrip("\n").split("\n\n")
    found = dict(line.partition(":")[::2] for line in last.split("\n"))
    trailers = {key: value.strip() for key, value in found.items()}
    body = "\n\n".join(front[1:])
    try:
        iteration = _iteration(trailers, re.sub(r"^ ( *---)", r"\1", body, flags=re.MULTILINE))
        finding = _finding(trailers.get("Finding"), iteration.number)
        gathered = tuple(map(str, json.loads(trailers.get("Gathered", "[]"))))
        overtaken = loads_map(trailers.get("Overtaken"))
        return Lost(iteration, trailers.get("Code-Key", ""), finding, overtaken, gathered)
    except (KeyError, ValueError, TypeError) as error:
        raise AutoloopError(f"a commit's message tells of no iteration ({error}): it was not written here") from error


def _trailers(lost: Lost, title: str) -> Mapping[str, str]:
    """The trailers by name, one line each; those that may be left out are left out when they are empty."""
    iteration = lost.iteration
    attempts = [[a.attempt, a.seed, a.kind, a.verdict, a.score, one_line(a.reason)] for a in iteration.attempts]
    needed = {
        "Verdict": _NONE if iteration.verdict is None else iteration.verdict.value,
        "Score": _NONE if iteration.score is None else repr(float(iteration.score)),
        "Base": _NONE if iteration.base is None else str(iteration.base),
        "Agent": one_line(iteration.agent),
        "Title": title,
        "Game": one_line(iteration.game),
        "Iteration": str(iteration.number),
        "Epoch": str(iteration.epoch),
        "Proposal": one_line(iteration.proposal),
        "Time": repr(float(iteration.time)),
    }
    optional = {
        "Island": one_line(iteration.island),
        "Reason": one_line(iteration.reason),
        "Code-Key": one_line(lost.code_key),
        "Origin": one_line(origin_of(iteration.proposal)),
        "Seed": str(iteration.attempts[0].seed) if iteration.attempts else "",
        "Seconds": "" if iteration.seconds == Seconds() else dumps(iteration.seconds),
        "Attempts": dumps(to_json(attempts)) if attempts else "",
        "Overtaken": dumps(lost.overtaken) if lost.overtaken else "",
        "Gathered": dumps(list(lost.gathered)) if lost.gathered else "",
        "Finding": "" if lost.finding is None else dumps({"text": lost.finding.text, "numbers": lost.finding.numbers}),
    }
    return needed | {key: value for key, value in optional.items() if value}


def _iteration(trailers: Mapping[str, str], hypothesis: str) -> Iteration:
    """The iteration that the trailers tell of."""
    verdict = None if trailers["Verdict"] == _NONE else Verdict(trailers["Verdict"])
    return Iteration(
        number=int(trailers["Iteration"]),
        epoch=int(trailers["Epoch"]),
        proposal=trailers["Proposal"],
        title=trailers["Title"],
        agent=trailers["Agent"],
        base=None if trailers["Base"] == _NONE else int(trailers["Base"]),
        hypothesis=hypothesis,
        verdict=verdict,
        state="provisional" if verdict is Verdict.KEEP else None,
        score=None if trailers["Score"] == _NONE else float(trailers["Score"]),
        reason=trailers.get("Reason", ""),
        attempts=tuple(_attempt(*row) for row in json.loads(trailers.get("Attempts", "[]"))),
        seconds=Seconds(**loads_map(trailers.get("Seconds"))),
        game=trailers["Game"],
        time=float(trailers["Time"]),
        island=trailers.get("Island", ""),
    )


def _attempt(number: int, seed: int, kind: str, verdict: str | None, score: float | None, reason: str) -> Attempt:
    """One attempt of the trailer `Attempts`."""
    known = None if verdict is None else Verdict(verdict)
    return Attempt(attempt=number, seed=seed, kind=Kind(kind), verdict=known, score=score, reason=reason)


def _finding(text: str | None, number: int) -> Finding | None:
    """The finding of the trailer `Finding`."""
    data = loads_map(text)
    return Finding(number, str(data["text"]), dict(data["numbers"])) if data else None
