"""Several slots at work at once."""

import threading
from dataclasses import dataclass

import pytest

from autoloop_kernel import crew
from autoloop_kernel.control import Control
from autoloop_kernel.crew import News, at_once


@dataclass
class End:
    name: str
    failed: bool = False


@pytest.fixture
def control(tmp_path):
    return Control(tmp_path / "ledger.sqlite", "nobody")


def test_they_work_at_the_same_time_and_the_last_end_is_the_end(control):
    both, first = threading.Barrier(2, timeout=20), threading.Event()

    def early():
        both.wait()
        first.set()
        return End("early")

    def late():
        both.wait()
        first.wait(20)
        threading.Event().wait(0.2)
        return End("late")

    assert at_once([late, early], control).name == "late"


def test_a_failed_one_is_the_end_of_all(control):
    assert at_once([lambda: End("bad", True), lambda: End("good")], control).name == "bad"


def test_an_error_stops_the_others_and_is_raised(control):
    ended = []

    def breaks():
        raise OSError("no space")

    def goes_on():
        assert control.stopping.wait(20)
        ended.append(True)
        return End("stopped")

    with pytest.raises(OSError, match="no space"):
        at_once([goes_on, breaks], control)
    assert ended == [True]


def test_news_that_came_before_the_wait_is_not_missed(control, monkeypatch):
    monkeypatch.setattr(crew, "IDLE_S", 3600.0)
    news = News()
    seen = news.count
    news.tell()
    news.wait(seen, control.stopping)
    waits = threading.Thread(target=news.wait, args=(news.count, control.stopping))
    waits.start()
    news.tell()
    waits.join(30)
    assert not waits.is_alive()


def test_who_waits_for_news_is_stopped(control, monkeypatch):
    monkeypatch.setattr(crew, "IDLE_S", 3600.0)
    news = News()
    waits = threading.Thread(target=news.wait, args=(news.count, control.stopping))
    waits.start()
    control.stopping.set()
    waits.join(30)
    assert not waits.is_alive()
