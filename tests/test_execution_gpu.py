"""What NVML tells of cards: whose memory, who else was at work, which card a run may use."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from nvml_kit import MIB, NVML, Device, Held

from autoloop_kernel.execution import contention
from autoloop_kernel.execution.clock import Watch
from autoloop_kernel.execution.gpu import UNKNOWN, UNTOLD, Cards, nvml, slot
from autoloop_kernel.records import Direction, Metric, Rules

CANDIDATE, DRIVER, STRANGER, GONE = 7, 5, 99, 66


def cards(*devices: Device) -> Cards:
    return Cards(NVML(*devices), lambda: {CANDIDATE}, lambda: {DRIVER}, lambda pid: pid != GONE)


def test_a_neighbour_on_the_candidates_card_is_charged():
    device = Device([Held(CANDIDATE, 100 * MIB), Held(STRANGER, 10 * MIB)])
    device.works(p99=100)  # before the clock
    seen = cards(device)
    seen.look()
    for other in (60, 0, 30, 70):
        device.works(p7=90, p5=50, p99=other)
        seen.look()
    assert seen.judged(0.2) == "other processes used 40 % of GPU 0 while it ran"
    assert seen.judged(0.5) == ""


def test_a_process_that_holds_memory_and_rests_takes_nothing():
    device = Device([Held(CANDIDATE, 100 * MIB), Held(STRANGER, 20_000 * MIB)])
    seen = cards(device)
    for _ in range(3):
        device.works(p7=100)
        seen.look()
    assert seen.judged(0.01) == ""


def test_who_came_and_went_is_not_charged():
    """A candidate's own short-lived process, which NVML still names when nobody can tell any more whose it was."""
    device = Device([Held(CANDIDATE, 100 * MIB)])
    seen = cards(device)
    seen.look()
    device.works(p66=100)
    seen.look()
    assert seen.judged(0.01) == ""


def test_a_card_that_the_candidate_does_not_use_does_not_matter():
    mine, theirs = Device([Held(CANDIDATE, MIB)]), Device([Held(STRANGER, MIB)])
    seen = cards(theirs, mine)
    seen.look()
    theirs.works(p99=100)
    mine.works(p7=100, p99=50)
    seen.look()
    assert seen.judged(0.2) == "other processes used 50 % of GPU 1 while it ran"


def test_a_card_that_does_not_tell_by_process_charges_nobody():
    seen = cards(Device([Held(CANDIDATE, 30 * MIB), Held(STRANGER, MIB)], samples=None))
    seen.look()
    seen.look()
    assert seen.judged(0.01) == ""
    assert seen.facts(on_card=True) == {"gpu_peak_mb": 30.0}


def test_the_peak_is_the_candidates_own_over_all_its_cards():
    one, two = Device([Held(CANDIDATE, 100 * MIB), Held(STRANGER, 900 * MIB)]), Device([Held(CANDIDATE, 5 * MIB)])
    seen = cards(one, two)
    seen.look()
    one.held[0] = Held(CANDIDATE, 300 * MIB)
    seen.look()
    one.held[0] = Held(CANDIDATE, 200 * MIB)
    seen.look()
    assert seen.facts(on_card=True) == {"gpu_peak_mb": 305.0}


def test_what_nvml_does_not_say_is_said_to_be_unknown():
    untold = cards(Device([Held(CANDIDATE, None)]))
    untold.look()
    assert untold.facts(on_card=True) == {"gpu_memory": UNTOLD}
    elsewhere = cards(Device([Held(123456, 100 * MIB)]))
    elsewhere.look()
    assert elsewhere.facts(on_card=True) == {"gpu_memory": UNKNOWN}
    assert elsewhere.facts(on_card=False) == {}
    assert elsewhere.judged(0.01) == ""


def test_a_driver_that_fails_meanwhile_ends_nothing():
    class Lost(NVML):
        def nvmlDeviceGetHandleByIndex(self, index):
            raise self.NVMLError("GPU is lost")

    seen = Cards(Lost(Device()), set, set)
    seen.start()
    seen.finish()
    assert not seen.is_alive()
    assert (seen.judged(0.01), seen.facts(on_card=True)) == ("", {})


@pytest.mark.parametrize(
    ("number", "environment", "cards", "expected"),
    [
        (0, {}, 0, None),
        (0, {}, 1, None),
        (0, {}, 2, "0"),
        (1, {}, 2, "1"),
        (2, {}, 2, "0"),
        (1, {"CUDA_VISIBLE_DEVICES": "3,5"}, 8, "5"),
        (0, {"CUDA_VISIBLE_DEVICES": "GPU-8f1a, GPU-77c2"}, 2, "GPU-8f1a"),
        (0, {"CUDA_VISIBLE_DEVICES": "4"}, 8, None),
        (0, {"CUDA_VISIBLE_DEVICES": ""}, 8, None),
        (0, {"CUDA_VISIBLE_DEVICES": "-1"}, 8, None),
    ],
)
def test_a_slot_has_one_card_of_those_that_may_be_used(tmp_path, number, environment, cards, expected):
    for card in range(cards):
        (tmp_path / "gpus" / f"0000:{card:02x}:00.0").mkdir(parents=True)
    added = slot(number, environment, tmp_path / "gpus")
    assert added.get("CUDA_VISIBLE_DEVICES") == expected
    assert ("CUDA_DEVICE_ORDER" in added) == (expected is not None and not environment)


@pytest.mark.parametrize(("seconds", "spoilt"), [(20.0, True), (2.0, False)])
def test_a_neighbour_on_a_card_spoils_a_run(tmp_path, monkeypatch, seconds, spoilt):
    """The whole way: this process is the driver, its child the candidate, and what started the tests the neighbour."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as candidate:
        names = {"candidate": f"p{candidate.pid}", "driver": f"p{os.getpid()}", "stranger": f"p{os.getppid()}"}
        device = Device([Held(candidate.pid, 64 * MIB)])
        monkeypatch.setattr(contention, "nvml", lambda: NVML(device))
        watch = Watch(Rules(Metric("loss", Direction.MIN), budget_s=30.0))
        witness = contention.Witness(0.2, tmp_path, os.getpid())
        witness.begin(watch)
        watch.begin()
        watch._began = time.monotonic() - seconds
        until = time.monotonic() + 60
        while not (witness._cards.cards and witness._cards.cards[0].primed) and time.monotonic() < until:
            time.sleep(0.01)
        device.works(**{names["candidate"]: 90, names["driver"]: 80, names["stranger"]: 100})
        watch.stop()
        facts = witness.end(watch)
    assert facts["gpu_peak_mb"] == 64.0
    assert ("of GPU 0 while it ran" in facts.get("contended", "")) is spoilt


WORK = """
import sys, torch
held = torch.zeros(512, 2**20, dtype=torch.uint8, device="cuda")
a = torch.randn(4096, 4096, device="cuda")
torch.cuda.synchronize()
print("ready", flush=True)
while True:
    a = (a @ a).clamp(-1, 1)
    torch.cuda.synchronize()
"""


@pytest.fixture
def works():
    """Starts processes that keep the first card busy, 512 MiB of it each in a tensor; they are ended."""
    if nvml() is None:
        pytest.skip("no GPU that NVML can be asked about")
    started = []

    def start() -> int:
        process = subprocess.Popen([sys.executable, "-c", WORK], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process.pid

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.gpu
def test_a_real_cards_memory_and_neighbour(works):
    candidate, neighbour = works(), works()
    module = nvml()
    for house, contended in ((set(), True), ({neighbour}, False)):
        seen = Cards(module, lambda: {candidate}, lambda house=house: {os.getpid(), *house})
        seen.start()
        time.sleep(8.0)
        seen.finish()
        facts = seen.facts(on_card=True)
        assert 512 <= facts["gpu_peak_mb"] < 4096, facts
        assert bool(seen.judged(0.2)) is contended
