"""Notebooks that are made and run here: what becomes of a stop while one runs."""

import signal
import threading
import time

import psutil
import pytest
from nbformat.v4 import new_code_cell

from autoloop_kernel import executed


def test_a_stop_while_a_notebook_runs_is_a_stop_and_leaves_no_kernel(tmp_path):
    begun = tmp_path / "begun"

    def interrupt():
        until = time.monotonic() + 60
        while not begun.exists() and time.monotonic() < until:
            time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    source = f"import time\nopen({str(begun)!r}, 'w').close()\ntime.sleep(600)"
    notebook = executed.made([new_code_cell(source)], "report", {})
    before = set(psutil.Process().children(recursive=True))
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            executed.run(notebook, "report")
    finally:
        thread.join()
    left = [one for one in psutil.Process().children(recursive=True) if one not in before]
    assert not psutil.wait_procs(left, timeout=30)[1]
