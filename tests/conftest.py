"""Fixtures that several test files use, and the option `--strict-skips`."""

import signal

import pytest
from cluster_kit import Theatre
from execution_kit import run_notebook
from skips import pytest_addoption, pytest_configure

from autoloop_kernel import cli

__all__ = ["pytest_addoption", "pytest_configure", "run_notebook"]


@pytest.fixture(autouse=True)
def interruptible():
    """Let every test begin with Python's own SIGINT: an event loop that ran in an earlier one may have left another."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def called(capsys):
    """Calls a command in this process, which must end with `status`; gives what it said on both streams."""

    def call(*arguments, status=0):
        assert cli.main([str(argument) for argument in arguments]) == status
        out, err = capsys.readouterr()
        return (out + err).strip()

    return call


@pytest.fixture(scope="session")
def theatre():
    """Plays scenes on Ray clusters: one for all that need the same."""
    theatre = Theatre()
    yield theatre
    theatre.close()
