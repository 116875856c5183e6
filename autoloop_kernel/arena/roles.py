"""What each cell of an arena notebook is for: its role, carried as a tag, and which kernels run it."""

from __future__ import annotations

from enum import Enum
from typing import Any

from nbformat import NotebookNode

INJECTED = "injected-parameters"
"""The tag that papermill puts on the cell it injects below `parameters`."""


class Role(str, Enum):
    """A cell's role. `LOCKED` is untagged code, `NOTE` untagged markdown or raw text; the others are tags."""

    STRATEGY = "strategy"
    PARAMETERS = "parameters"
    LOCKED = "locked"
    EDITABLE = "editable"
    SCORE = "score"
    SHARED = "shared"
    WORKBENCH = "workbench"
    NOTE = "note"

    def __str__(self) -> str:
        return self.value


CODE_TAGS = (Role.SCORE, Role.EDITABLE, Role.SHARED, Role.PARAMETERS)
"""Roles that only a code cell can have, the one that wins first where a cell (wrongly) carries several."""

TAGS = (Role.STRATEGY, *CODE_TAGS, Role.WORKBENCH)
"""Every role that is given by a tag."""

_CANDIDATE = frozenset({Role.PARAMETERS, Role.LOCKED, Role.EDITABLE, Role.SHARED})
_REFEREE = frozenset({Role.PARAMETERS, Role.SHARED, Role.SCORE})


def tags_of(cell: NotebookNode) -> tuple[str, ...]:
    """The tags of `cell` as they stand in its metadata; anything there that is no list of strings counts as none."""
    tags: Any = cell.get("metadata", {}).get("tags", ())
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list | tuple) else ()


def role_of(cell: NotebookNode) -> Role:
    """The role of `cell`: by its tag where the tag fits the cell's type, else `LOCKED` (code) or `NOTE` (the rest).

    papermill's `injected-parameters` counts as `PARAMETERS`. A tag on the wrong type of cell and two roles on one cell
    are for `check` to report.
    """
    tags = tags_of(cell)
    if Role.WORKBENCH.value in tags:
        return Role.WORKBENCH
    if cell.get("cell_type") != "code":
        is_strategy = cell.get("cell_type") == "markdown" and Role.STRATEGY.value in tags
        return Role.STRATEGY if is_strategy else Role.NOTE
    if INJECTED in tags:
        return Role.PARAMETERS
    return next((role for role in CODE_TAGS if role.value in tags), Role.LOCKED)


def in_candidate(role: Role) -> bool:
    """Whether a code cell of this role runs in the candidate's kernel."""
    return role in _CANDIDATE


def in_referee(role: Role) -> bool:
    """Whether a code cell of this role runs in the referee's kernel, which never runs agent code."""
    return role in _REFEREE
