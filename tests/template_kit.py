"""Runs fresh copies of bundled arenas whose worlds follow from a secret, with edits, through the real execution."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from execution_kit import WARMTH, assert_no_process

from autoloop_kernel.agents.constants import Constant, find
from autoloop_kernel.arena.check import check
from autoloop_kernel.arena.edit import candidate
from autoloop_kernel.arena.notebook import Arena, read
from autoloop_kernel.arena.templates import new
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.execution.warm import forks
from autoloop_kernel.records import Job, Kind, Outcome
from autoloop_kernel.scoring import rows

SECRET = "5eed" * 8


@dataclass
class Copy:
    """A copy of a bundled arena; call it with edits (unit → source) and the seed of an attempt."""

    arena: Arena
    executor: LocalExecutor
    mark: str

    def __call__(self, edits: Mapping[str, str] | None = None, seed: int = 1, kind: Kind = Kind.SCREEN) -> Outcome:
        """Run the arena once, with these cells and files in place of its own."""
        sources = {**self.arena.sources, **(edits or {})}
        notebook = nbformat.writes(candidate(self.arena, sources))
        files = {name: sources[name] for name, unit in self.arena.units.items() if unit.kind == "file"}
        rules = replace(self.arena.rules, contention=1.0)  # how busy the machine is that tests must decide nothing
        target = self.arena.folder / "played" / uuid.uuid4().hex
        job = Job(1, 1, seed, kind, notebook, files, self.arena.folder, target, rules, f"{self.mark}:1:1")
        outcome = self.executor.run(job, lambda kind, data: None, lambda: False)
        assert_no_process(self.mark, within_s=5.0)
        return outcome

    def scores(self, edits: Mapping[str, str] | None = None, seeds: int = 3) -> list[float]:
        """The scores of as many attempts, which all must have one."""
        outcomes = [self(edits, seed) for seed in range(1, seeds + 1)]
        assert all(one.score is not None for one in outcomes), [one.reason for one in outcomes]
        return [one.score for one in outcomes if one.score is not None]

    def refusal(self, edits: Mapping[str, str]) -> str:
        """Why a run with these edits has no score."""
        outcome = self(edits)
        assert outcome.score is None, outcome
        return outcome.reason

    def source(self, unit: str, *replaced: tuple[str, str]) -> str:
        """The source of a unit with some text in it replaced, which must be there."""
        source = self.arena.sources[unit]
        for old, put in replaced:
            assert old in source, old
            source = source.replace(old, put)
        return source


def copy_of(name: str, folder: Path) -> Iterator[Copy]:
    """A copy of the template `name`, whose secret is `SECRET`: its world is the same in every test."""
    (folder / "sealed").mkdir(parents=True)
    (folder / "sealed" / f"{name}_seed.txt").write_text(f"{SECRET}\n")
    path = new(name, folder)
    assert check(path) == []
    mark = f"test-{uuid.uuid4().hex[:12]}"
    executor = LocalExecutor(mark, WARMTH if forks() else False)
    yield Copy(read(path), executor, mark)
    executor.close()


@pytest.fixture(autouse=True)
def foreseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn to be asked again is the same in every run of a test (in this process): no luck decides one."""
    drawn = itertools.count(1)
    monkeypatch.setattr(rows, "secrets", SimpleNamespace(randbits=lambda bits: next(drawn)))


def assert_far_better(better: list[float], baseline: list[float]) -> None:
    """The better method's worst run is above the baseline's mean by at least three times the noise of either."""
    noise = max(stdev(baseline), stdev(better))
    assert min(better) - mean(baseline) > 3 * noise, (better, baseline, noise)


def assert_constants_say_where_they_go(copy: Copy) -> None:
    """Every constant of the arena states its range, and lies in it."""
    found = [constant for source in copy.arena.sources.values() for constant in find(source)]
    assert len(found) >= 5
    for constant in found:
        bounds = constant.range
        assert bounds.stated, f"{constant.name} does not say where it may go"
        inside = constant.value in bounds.choices if bounds.choices else bounds.low <= constant.value <= bounds.high
        assert inside, constant


def extremes(constants: Mapping[str, Constant]) -> Iterator[Any]:
    """Changes of constants: all numbers at their low ends, all at their high ends, and each choice by itself."""
    numbers = {name: constant for name, constant in constants.items() if not constant.range.choices}
    yield pytest.param({name: type(it.value)(it.range.low) for name, it in numbers.items()}, id="low")
    yield pytest.param({name: type(it.value)(it.range.high) for name, it in numbers.items()}, id="high")
    for name, constant in constants.items():
        for choice in constant.range.choices:
            yield pytest.param({name: choice}, id=f"{name}={choice}")
