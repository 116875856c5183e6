"""Contention from recorded counters: what others took of the machine, and what of it makes a run no evidence."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from recorded import Machine, One

from autoloop_kernel.execution.clock import Watch
from autoloop_kernel.execution.contention import Load, Witness, cut_off, judged, load, read, starved
from autoloop_kernel.records import Direction, Metric, Rules, Verdict

HOUSE = 500
QUIET = Machine(processes={1: One(0), 400: One(), HOUSE: One(400), 501: One(HOUSE), 502: One(501), 900: One()})
LONG = 20.0


def later(busy: float = 0.0, stolen: float = 0.0, seconds: float = LONG, **used: float) -> Machine:
    """The quiet machine `seconds` later: `busy` and `stolen` more on each CPU, `p900=3.0`: CPU seconds of a process."""
    then = {int(name[1:]): cpu for name, cpu in used.items()}
    processes = {pid: replace(one, used=then.pop(pid, 0.0)) for pid, one in QUIET.processes.items()}
    processes |= {pid: One(used=cpu) for pid, cpu in then.items()}
    return Machine(QUIET.uptime + seconds, (100.0 + busy,) * 2, (stolen,) * 2, processes)


def between(root: Path, before: Machine, after: Machine, own: float = 0.0, cpus: tuple[int, ...] = (0, 1)) -> Load:
    first = read(HOUSE, before.write(root), cpus)
    last = read(HOUSE, after.write(root), cpus)
    assert first is not None
    assert last is not None
    return load(first, last, own)


def test_a_neighbour_is_charged_what_it_used(tmp_path):
    found = between(tmp_path, QUIET, later(busy=20, p900=24.0), own=16.0)
    assert (found.seconds, found.neighbours, found.stolen) == (20.0, pytest.approx(0.6), 0.0)
    assert judged(found, 0.2) == "other processes used 60 % of the CPU that this run may use"
    assert judged(found, 0.7) == ""


def test_what_the_house_does_is_no_contention(tmp_path):
    """Driver, execution and what it forks; an agent asked ahead, who is the driver's child; where the driver began."""
    house = later(busy=20, p500=9.0, p501=9.0, p502=9.0, p400=9.0)
    house.processes = {**house.processes, 777: One(HOUSE, used=9.0)}
    assert judged(between(tmp_path, QUIET, house), 0.01) == ""


def test_a_quiet_machine_with_small_things_about_is_fine(tmp_path):
    found = between(tmp_path, QUIET, later(busy=20, p900=1.5, p901=1.0, p902=1.0), own=36.0)
    assert found.neighbours == pytest.approx(3.5 / 40)
    assert judged(found, 0.2) == ""


def test_cpu_time_that_nobody_accounts_for_is_no_neighbours(tmp_path):
    """A candidate whose children end unseen, their parent deaf to it, would else contend with itself."""
    assert judged(between(tmp_path, QUIET, later(busy=20), own=1.0), 0.01) == ""


def test_what_the_kernel_does_may_be_for_the_candidate(tmp_path):
    worker = {77: One(2, used=0.0, flags=0x00200000 | 0x40)}
    before = replace(QUIET, processes={**QUIET.processes, **worker})
    after = later(busy=20, p77=30.0)
    after.processes = {**after.processes, 77: One(2, used=30.0, flags=0x00200000 | 0x40)}
    assert between(tmp_path, before, after).neighbours == 0.0


def test_short_jobs_of_others_are_known_by_those_who_reaped_them(tmp_path):
    """A build: compilers that begin and end between the readings, and one whose time was told twice is charged once."""
    before = replace(QUIET, processes={**QUIET.processes, 901: One(900, used=5.0)})
    after = later(busy=20)
    after.processes = {**after.processes, 900: One(used=0.0, reaped=5.0 + 20.0)}
    assert between(tmp_path, before, after).neighbours == pytest.approx(20 / 40)


def test_a_process_that_got_the_number_of_another_begins_at_nothing(tmp_path):
    before = replace(QUIET, processes={**QUIET.processes, 901: One(used=500.0, started=10)})
    after = later(busy=20)
    after.processes = {**after.processes, 901: One(used=8.0, started=90000)}
    assert between(tmp_path, before, after).neighbours == pytest.approx(8 / 40)


def test_only_the_cpus_that_the_run_may_use_count(tmp_path):
    """A neighbour on the other CPU takes nothing from a run that is bound to this one."""
    after = later(p900=20.0)
    after.busy = (100.0 + 15.0, 100.0 + 20.0)
    assert between(tmp_path, QUIET, after, own=15.0, cpus=(0,)).neighbours == 0.0
    after.busy = (100.0 + 20.0, 100.0 + 15.0)
    assert between(tmp_path, QUIET, after, own=10.0, cpus=(0,)).neighbours == pytest.approx(0.5)


def test_stolen_time_counts_from_half_the_limit(tmp_path):
    found = between(tmp_path, QUIET, later(busy=17, stolen=3.0), own=34.0)
    assert found.stolen == pytest.approx(0.15)
    told = "the machine below this virtual one took 15 % of the CPU that this run may use"
    assert judged(found, 0.2) == told
    assert judged(found, 0.4) == ""
    both = between(tmp_path, QUIET, later(busy=17, stolen=3.0, p900=10.0), own=24.0)
    assert judged(both, 0.39) == (
        "other processes used 25 % of the CPU that this run may use, and the machine below this virtual one took 15 %"
    )


@pytest.mark.parametrize("limit", [0.01, 0.2])
def test_a_run_of_a_few_seconds_is_not_judged(tmp_path, limit):
    assert judged(between(tmp_path, QUIET, later(busy=4.9, seconds=4.9, p900=9.8)), limit) == ""
    assert judged(between(tmp_path, QUIET, later(busy=5.0, seconds=5.0, p900=9.8)), limit) != ""


def test_on_a_clock_of_cpu_seconds_others_must_have_left_less_than_the_budget(tmp_path):
    assert starved(between(tmp_path, QUIET, later(busy=20, p900=29.0))) == ""
    assert "78 %" in starved(between(tmp_path, QUIET, later(busy=20, p900=31.0), own=9.0))


@pytest.mark.parametrize(
    ("rules", "met_ceiling", "used", "contended"),
    [
        ({}, False, 24.0, True),
        ({"clock": "cpu"}, False, 31.0, False),  # it had its seconds, whatever others had
        ({"clock": "cpu"}, True, 31.0, True),
        ({"clock": "cpu"}, True, 24.0, False),  # the rest was enough for a budget
    ],
)
def test_the_clock_decides_what_others_can_spoil(tmp_path, rules, met_ceiling, used, contended):
    watch = Watch(Rules(Metric("loss", Direction.MIN), budget_s=5.0, **rules))
    watch.met_ceiling, watch.cpu_s = met_ceiling, 4.0
    witness = Witness(0.2, QUIET.write(tmp_path), HOUSE)
    assert witness.end(watch) == {}
    witness.begin(watch)
    later(busy=20, p900=used).write(tmp_path)
    assert bool(witness.end(watch)) is contended


@pytest.mark.parametrize(
    ("rules", "verdict", "used", "contended"),
    [
        ({}, Verdict.TIMEOUT, 4.7, True),
        ({}, Verdict.TIMEOUT, 4.3, False),  # a job of somebody's that is over in a moment
        ({}, None, 4.7, False),  # it came to its end in time
        ({"clock": "cpu"}, Verdict.TIMEOUT, 4.7, True),
    ],
)
def test_a_short_run_that_the_clock_ended_is_judged_where_others_took_nearly_all(
    tmp_path, rules, verdict, used, contended
):
    watch = Watch(Rules(Metric("loss", Direction.MIN), budget_s=1.0, **rules))
    watch.verdict, watch.met_ceiling = verdict, verdict is Verdict.TIMEOUT
    witness = Witness(0.2, QUIET.write(tmp_path), HOUSE)
    witness.begin(watch)
    later(busy=3, seconds=3, p900=used).write(tmp_path)
    assert bool(witness.end(watch)) is contended


def test_what_others_may_take_by_the_arenas_word_they_may_take_of_a_short_run(tmp_path):
    found = between(tmp_path, QUIET, later(busy=3, seconds=3, p900=4.8))
    assert "80 %" in cut_off(found, 0.2)
    assert cut_off(found, 0.9) == ""


@pytest.mark.parametrize(
    ("clock", "used", "contended"),
    [("wall", 3.0, False), ("wall", 10.0, True), ("cpu", 10.0, False), ("cpu", 33.0, True)],
)
def test_late_answers_say_nothing_where_others_took_the_machine(tmp_path, clock, used, contended):
    watch = Watch(Rules(Metric("loss", Direction.MIN), budget_s=5.0, clock=clock))
    witness = Witness(0.2, QUIET.write(tmp_path), HOUSE)
    assert witness.late(watch) == ""
    witness.asks(watch)
    later(busy=20, p900=used).write(tmp_path)
    assert bool(witness.late(watch)) is contended


def test_a_witness_without_a_limit_looks_at_nothing(tmp_path):
    witness = Witness(None, QUIET.write(tmp_path), HOUSE)
    watch = Watch(Rules(Metric("loss", Direction.MIN), budget_s=5.0))
    witness.begin(watch)
    witness.asks(watch)
    later(busy=20, p900=40.0).write(tmp_path)
    assert witness.end(watch) == {}
    assert witness.late(watch) == ""


def test_within_a_quota_those_inside_it_count_against_it(tmp_path):
    """A container granted half a CPU of two: its own other process takes half of that; one outside takes nothing."""
    shared = {"quotas": {"/pod/box": "50000 100000", "/pod": "max 100000"}, "group": "/pod/box"}
    before = replace(QUIET, **shared)
    inside = replace(later(busy=6, p900=5.0), **shared)
    assert between(tmp_path / "a", before, inside, own=5.0).neighbours == pytest.approx(0.5)
    outside = replace(later(busy=6), **shared)
    outside.processes = {**outside.processes, 900: One(used=5.0, group="/pod")}
    assert between(tmp_path / "b", before, outside, own=5.0).neighbours == pytest.approx(5 / 40)


def test_a_system_that_tells_nothing_is_believed_quiet(tmp_path):
    assert read(HOUSE, tmp_path) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "uptime").write_text("what?\n")
    (tmp_path / "proc" / "stat").write_text("cpu0 1 2\n")
    assert read(HOUSE, tmp_path) is None


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="this machine has no /proc")
def test_this_machine_can_be_read():
    found = read(os.getpid())
    assert found is not None
    assert found.busy.keys() == os.sched_getaffinity(0)
    assert os.getpid() not in {pid for pid, _ in found.others}
    assert all(usage.own >= 0 for usage in found.others.values())
