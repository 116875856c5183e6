"""Scorers that arena notebooks import in their score cells. Needs numpy and nothing else of the house."""

from autoloop_kernel.scoring.answers import AnswerRefused
from autoloop_kernel.scoring.val_bpb import Bpb, val_bpb

__all__ = ["AnswerRefused", "Bpb", "val_bpb"]
