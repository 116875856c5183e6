"""One thread at a time: taken repeatedly, and let go as a whole."""

import threading

from autoloop_kernel.baton import Baton


def tried(baton):
    """Whether another thread can take it now."""
    took = []

    def take():
        if baton._lock.acquire(timeout=0.05):
            took.append(True)
            baton._lock.release()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return bool(took)


def test_whoever_holds_it_may_take_it_again_and_lets_all_of_it_go():
    baton = Baton()
    with baton, baton:
        assert not tried(baton)
        with baton.aside():
            assert tried(baton)
            with baton:
                assert not tried(baton)
            assert tried(baton)
        assert not tried(baton)
    assert tried(baton)


def test_it_is_taken_again_after_an_error_and_need_not_be_held():
    baton = Baton()
    with baton:
        try:
            with baton.aside():
                raise ValueError
        except ValueError:
            assert not tried(baton)
    with baton.aside():
        assert tried(baton)
    assert tried(baton)


def test_what_several_threads_count_is_right():
    baton, count = Baton(), [0]

    def work():
        for _ in range(300):
            with baton:
                seen = count[0]
                with baton:
                    count[0] = seen + 1
                with baton.aside():
                    pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == [1200]
