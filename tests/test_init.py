import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import autoloop_kernel
from autoloop_kernel import records


def in_a_fresh_process(code: str) -> str:
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_importing_the_package_brings_nothing_along():
    code = "import sys; before = set(sys.modules); import autoloop_kernel; print(sorted(set(sys.modules) - before))"
    assert in_a_fresh_process(code) == "['autoloop_kernel']\n"


def test_arena_cells_still_bring_numpy_alone():
    code = (
        "import sys; from autoloop_kernel.cells import budget, report, submit, ask, score;"
        "print(sorted(m for m in sys.modules if m.startswith('autoloop_kernel')),"
        "[m for m in ('nbformat', 'IPython', 'matplotlib', 'sqlite3', 'rich') if m in sys.modules])"
    )
    assert in_a_fresh_process(code) == "['autoloop_kernel', 'autoloop_kernel.cells', 'autoloop_kernel.wire'] []\n"


@pytest.mark.parametrize("name", autoloop_kernel.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert name in dir(autoloop_kernel)
    assert getattr(autoloop_kernel, name).__doc__
    assert getattr(autoloop_kernel, name) is getattr(autoloop_kernel, name)


def test_the_names_are_those_of_their_homes():
    assert autoloop_kernel.AutoloopError is records.AutoloopError
    assert autoloop_kernel.Proposal is records.Proposal
    assert set(autoloop_kernel._HOMES) | {"load_ipython_extension", "unload_ipython_extension"} == set(
        autoloop_kernel.__all__
    )
    code = "from autoloop_kernel import *; print(Workbench.__module__, AutoloopError.__name__)"
    assert in_a_fresh_process(code) == "autoloop_kernel.workbench AutoloopError\n"


def test_an_unknown_name_is_an_ordinary_attribute_error():
    with pytest.raises(AttributeError, match="module 'autoloop_kernel' has no attribute 'Workbank'"):
        autoloop_kernel.Workbank  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Workbank'"):
        from autoloop_kernel import Workbank  # noqa: F401
    assert not hasattr(autoloop_kernel, "__path_of_nothing__")
    assert "__version__" in dir(autoloop_kernel)


def test_jupyter_is_told_where_the_extensions_are():
    points = autoloop_kernel._jupyter_server_extension_points()
    assert [importlib.import_module(one["module"]).__name__ for one in points] == ["autoloop_kernel.server"]
    assert callable(importlib.import_module(points[0]["module"])._load_jupyter_server_extension)
    assert autoloop_kernel._jupyter_labextension_paths() == [{"src": "labextension", "dest": "@autoloop/lab"}]
    code = (
        "import sys, autoloop_kernel.server as server; print(sorted("
        "m for m in sys.modules if m.split('.')[0] in ('autoloop_kernel', 'jupyter_server', 'pydantic', 'torch')))"
    )
    assert in_a_fresh_process(code) == "['autoloop_kernel', 'autoloop_kernel.server']\n"


def test_the_server_extension_is_put_on_by_its_configuration():
    path = Path(__file__).parent.parent / "jupyter-config" / "server-config" / "autoloop_kernel.json"
    on = json.loads(path.read_text(encoding="utf-8"))["ServerApp"]["jpserver_extensions"]
    assert on == {one["module"]: True for one in autoloop_kernel._jupyter_server_extension_points()}
