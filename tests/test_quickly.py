"""The slow grammar is left out, and others in the process can still have it."""

import subprocess
import sys

ASK = "import sys; print(sorted(name for name in sys.modules if name.startswith('rfc3987_syntax')))"


def python(source):
    return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout.strip()


def test_a_notebook_that_opens_a_workbench_compiles_no_grammar_and_may_import_one():
    assert python(f"from autoloop_kernel import Workbench\n{ASK}") == "[]"
    source = "from autoloop_kernel import Workbench\nimport sys\nprint('jsonschema' in sys.modules)"
    assert python(source) == "True"


def test_a_process_of_ours_leaves_it_out_for_good():
    source = "from autoloop_kernel.quickly import leave_out_grammar as go\ngo()\nimport nbformat, sys\n"
    assert python(source + "print(sys.modules['rfc3987_syntax'])") == "None"
