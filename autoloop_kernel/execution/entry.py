"""What papermill finds under the entry point `autoloop`: an engine that loads the real one at its first use.

papermill loads every engine while it is itself being imported, so this module may not import papermill.
"""

from __future__ import annotations

from typing import Any


class AutoloopEngine:
    """papermill's engine `autoloop`; see `autoloop_kernel.execution.engine`."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, **kwargs: Any) -> Any:
        """Execute `nb`, an arena notebook, and return it."""
        return _real().execute_notebook(nb, kernel_name, **kwargs)

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> Any:
        """The kernelspec's name that papermill shall use for `nb`."""
        return _real().nb_kernel_name(nb, name)

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> Any:
        """The language in which papermill shall write parameters into `nb`."""
        return _real().nb_language(nb, language)


def _real() -> Any:
    from autoloop_kernel.execution.engine import AutoloopEngine as Real

    return Real
