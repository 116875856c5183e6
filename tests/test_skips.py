"""A skip that nobody foresaw fails the session, with and without pytest-xdist; one that was foreseen does not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from skips import EXPECTED, unexpected

TESTS = """
import pytest
@pytest.mark.skipif({reason!r} != "", reason={reason!r})
def test_one():
    pass
@pytest.mark.xfail(reason="known", strict=True)
def test_two():
    assert False
def test_three():
    pass
"""
LACKING = "pytest.importorskip('no_such_module')"


@pytest.mark.parametrize(
    ("reason", "module", "options", "status", "words"),
    [
        ("not today", LACKING, [], 0, ""),
        ("no GPU", "", ["--strict-skips"], 0, ""),
        ("not today", "", ["--strict-skips"], 1, "test_some.py::test_one: not today"),
        ("", LACKING, ["--strict-skips", "-n", "1"], 1, "test_more.py: could not import 'no_such_module'"),
    ],
)
def test_a_session_with_a_skip(tmp_path, reason, module, options, status, words):
    here = Path(__file__).parent
    (tmp_path / "conftest.py").write_text("from skips import pytest_addoption, pytest_configure")
    (tmp_path / "test_some.py").write_text(TESTS.format(reason=reason))
    if module:
        (tmp_path / "test_more.py").write_text(f"import pytest\n{module}")
    (tmp_path / "pytest.ini").write_text(f"[pytest]\ntestpaths = .\npythonpath = {here}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    assert words in done.stdout
    assert ("does not foresee" in done.stdout) == bool(words)


def test_every_reason_in_the_tests_is_foreseen_or_a_lack_of_what_the_package_brings():
    found = []
    for path in Path(__file__).parent.rglob("test_*.py"):
        if path != Path(__file__):
            text = path.read_text("utf-8")
            found += [(path.name, why) for why in re.findall(r"skip(?:if)?\([^\n]*?reason=f?\"([^\"]+)\"", text)]
            found += [(path.name, why) for why in re.findall(r"pytest\.skip\(f?\"([^\"]+)\"", text)]
    assert found
    assert not unexpected(found), f"begin the reason with one of {EXPECTED}, or add it to tests/skips.py"
