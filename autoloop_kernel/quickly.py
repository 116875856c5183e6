"""What makes a process start in less time: a grammar left out that takes a second and a half to compile.

Where it is installed, jsonschema (on which nbformat stands) checks internationalised web addresses by it, and does
without where it is not. Notebooks have no such addresses.
"""

from __future__ import annotations

import importlib
import sys

GRAMMAR = "rfc3987_syntax"


def leave_out_grammar() -> None:
    """Let nothing in this process, which is all ours, import the grammar. To be called before nbformat is imported."""
    sys.modules.setdefault(GRAMMAR, None)  # type: ignore[arg-type]


def import_jsonschema() -> None:
    """Import jsonschema without the grammar, in a process (a notebook's kernel) where others may yet want it."""
    if "jsonschema" in sys.modules or GRAMMAR in sys.modules:
        return
    leave_out_grammar()
    try:
        importlib.import_module("jsonschema")
    finally:
        sys.modules.pop(GRAMMAR, None)  # another thread may have been here meanwhile
