"""The option `--strict-skips`: which tests may be skipped where everything is installed; any other skip fails."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

EXPECTED = (
    "no CUDA device",
    "no GPU",
    "no npm on this machine",
    "build_corpus.py lies in a checkout only",
    "this machine has no ",  # what an operating system cannot give: namespaces, Landlock, tmpfs …
)
"""How the reason of a skip begins that says something of the machine, not of a broken installation or test."""


def unexpected(skips: Iterable[tuple[str, str]]) -> list[str]:
    """One line for each of `skips` (test, reason) whose reason is not among those that are `EXPECTED`."""
    plain = ((test, reason.removeprefix("Skipped: ").strip()) for test, reason in skips)
    return [f"{test}: {reason or 'no reason'}" for test, reason in plain if not reason.startswith(EXPECTED)]


def told_by(report: object) -> list[tuple[str, str]]:
    """The test and the reason, where a report of pytest's tells of a skip; expected failures are none."""
    if getattr(report, "outcome", "") != "skipped" or hasattr(report, "wasxfail"):
        return []
    told = getattr(report, "longrepr", None)
    return [(str(getattr(report, "nodeid", "")), str(told[2] if isinstance(told, tuple) else told))]


def pytest_addoption(parser):
    parser.addoption(
        "--strict-skips", action="store_true", help="fail when a test is skipped that tests/skips.py lacks"
    )


def pytest_configure(config):
    if config.getoption("--strict-skips") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Skips(), "strict-skips")


class Skips:
    """Collects skips where reports arrive (with pytest-xdist in the process that hands out the tests), and judges."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report):
        self.found += told_by(report)

    def pytest_collectreport(self, report):
        self.found += told_by(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session, exitstatus):
        if unexpected(self.found) and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        if lines := unexpected(self.found):
            terminalreporter.section("skipped, which tests/skips.py does not foresee", red=True)
            terminalreporter.write("".join(f"{line}\n" for line in lines))
