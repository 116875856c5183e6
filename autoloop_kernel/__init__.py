"""Autoloop: a Jupyter-native research workbench.

    from autoloop_kernel import Workbench

Nothing is imported until a name is asked for: arena cells import `autoloop_kernel.cells` in kernels that have numpy and
nothing else of ours.
"""

__version__ = "0.1.0"

__all__ = [
    "AutoloopError",
    "Context",
    "IterationView",
    "NoProposal",
    "Proposal",
    "ProposalView",
    "Workbench",
    "load_ipython_extension",
    "unload_ipython_extension",
]

TYPE_CHECKING = False  # as typing has it, whose import would cost every kernel a little
if TYPE_CHECKING:
    from autoloop_kernel.agents.base import Context, NoProposal
    from autoloop_kernel.records import AutoloopError, Proposal
    from autoloop_kernel.widgets.proposal import ProposalView
    from autoloop_kernel.widgets.results import IterationView
    from autoloop_kernel.workbench import Workbench

_HOMES = {
    "AutoloopError": "autoloop_kernel.records",
    "Context": "autoloop_kernel.agents.base",
    "IterationView": "autoloop_kernel.widgets.results",
    "NoProposal": "autoloop_kernel.agents.base",
    "Proposal": "autoloop_kernel.records",
    "ProposalView": "autoloop_kernel.widgets.proposal",
    "Workbench": "autoloop_kernel.workbench",
}


def __getattr__(name: str) -> object:
    """Import a public name from its home when it is first asked for; raises AttributeError for any other."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    from autoloop_kernel.quickly import import_jsonschema

    import_jsonschema()
    found: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """What the package offers, imported yet or not."""
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: object) -> None:
    """`%load_ext autoloop_kernel`: give an IPython shell `%autoloop` and `%%autoloop`."""
    from autoloop_kernel.magics import register

    register(ipython)


def unload_ipython_extension(ipython: object) -> None:
    """`%unload_ext autoloop_kernel`: take them away again."""
    from autoloop_kernel.magics import unregister

    unregister(ipython)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Tell Jupyter's server where our part of it is."""
    return [{"module": "autoloop_kernel.server"}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab where the prebuilt extension lies, and under which name."""
    return [{"src": "labextension", "dest": "@autoloop/lab"}]
