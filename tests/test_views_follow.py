"""The thread that follows a ledger: what it hands over, and that it outlives a ledger that is away, busy or another."""

import threading

from played import make_arena, play, scored
from screen_kit import until

from autoloop_kernel.memory.database import install
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.session import LEDGER, open_session
from autoloop_kernel.views.follow import Follower


class Heard:
    """Keeps what a follower says."""

    def __init__(self):
        self.calls, self.threads = [], set()

    def __call__(self, ledger, events):
        self.threads.add(threading.current_thread())
        self.calls.append([event.kind for event in events])

    @property
    def kinds(self):
        return [kind for call in self.calls for kind in call]


def followed(path, after=0):
    heard = Heard()
    follower = Follower(path, heard, after, poll_s=0.02)
    follower.start()
    return heard, follower


def test_it_hands_over_what_comes_after_in_order_and_the_rest_when_closed(tmp_path):
    path = make_arena(tmp_path)
    with open_session(path) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
        after = session.ledger.last_event().seq
        heard, follower = followed(session.ledger.path, after)
        session.ledger.emit("note", text="one")
        until(lambda: heard.kinds == ["note"], "the first event")
        session.ledger.emit("pause")
        session.ledger.emit("resume")
        follower.close()
    assert heard.kinds == ["note", "pause", "resume"]
    assert heard.threads == {follower}
    assert not follower.is_alive()
    follower.close()


def test_it_calls_without_events_too_so_that_clocks_move_on(tmp_path):
    path = make_arena(tmp_path)
    with open_session(path) as session:
        heard, follower = followed(session.ledger.path)
        until(lambda: heard.calls.count([]) >= 3, "three beats")
        follower.close()


def test_a_ledger_that_is_not_there_yet_is_waited_for(tmp_path):
    path = make_arena(tmp_path)
    runs = tmp_path / "game_runs"
    heard, follower = followed(runs / LEDGER)
    with open_session(path) as session:
        session.ledger.emit("note", text="here")
        until(lambda: heard.kinds == ["note"], "the event of a ledger made later")
    follower.close()


def test_another_ledger_in_its_place_is_followed_from_its_beginning(tmp_path):
    path = make_arena(tmp_path)
    with open_session(path) as session:
        for _ in range(5):
            session.ledger.emit("note", text="old")
        ledger = session.ledger.path
        heard, follower = followed(ledger, session.ledger.last_event().seq)
        until(lambda: bool(heard.calls), "the reader is open")
    other = tmp_path / "other.sqlite"
    with Ledger.open(other) as new:
        new.emit("resume")
    install(other, ledger)
    until(lambda: heard.kinds == ["resume"], "the event of the other ledger")
    follower.close()


def test_a_file_that_is_no_ledger_is_left_alone_until_it_is_one(tmp_path):
    path = tmp_path / LEDGER
    path.write_text("no database")
    heard, follower = followed(path)
    until(follower.is_alive, "it lives")
    with Ledger.open(tmp_path / "other.sqlite") as new:
        new.emit("resume")
    install(tmp_path / "other.sqlite", path)
    until(lambda: heard.kinds == ["resume"], "the ledger that came")
    follower.close()


def test_a_listener_whose_output_is_gone_ends_it_silently(tmp_path):
    path = make_arena(tmp_path)

    def gone(ledger, events):
        raise OSError("the terminal is closed")

    with open_session(path) as session:
        follower = Follower(session.ledger.path, gone, 0, poll_s=0.02)
        follower.start()
        until(lambda: not follower.is_alive(), "it ends")


def test_it_may_close_itself(tmp_path):
    path = make_arena(tmp_path)
    with open_session(path) as session:
        follower = Follower(session.ledger.path, lambda *_: follower.close(), 0, poll_s=0.02)
        follower.start()
        until(lambda: not follower.is_alive(), "it ends")
