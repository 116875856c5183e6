"""Fixtures that several test files use."""

from execution_kit import run_notebook

__all__ = ["run_notebook"]
