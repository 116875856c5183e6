"""Autoloop: a Jupyter-native research workbench.

Kept empty of imports: arena cells import `autoloop_kernel.cells` in kernels that have numpy and nothing else of ours.
"""

__version__ = "0.1.0"
