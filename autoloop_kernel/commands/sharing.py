"""The command that shares what was learnt with others, and takes in what they learnt."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoloop_kernel.commands.common import ArenaArg, arena_path, opened, plural, say

if TYPE_CHECKING:
    from autoloop_kernel.session import Session


class Way(str, Enum):
    """Which way it goes."""

    PUSH = "push"
    PULL = "pull"


def share(
    way: Annotated[Way, typer.Argument(metavar="push|pull", help="Send one's own, or take in what others sent.")],
    arena: ArenaArg,
    remote: Annotated[
        str, typer.Argument(metavar="REMOTE", help="Any git repository: a bare one's folder, an address.")
    ],
) -> None:
    """Share what was learnt, failures too, over a git remote."""
    path = arena_path(arena)
    say(_push(path, remote) if way is Way.PUSH else _pull(path, remote))


def _push(path: Path, remote: str) -> str:
    from autoloop_kernel.memory.sharing import arena_id, push

    with opened(path) as session:
        new, there = push(session.lineage, _id(session), remote)
    return (
        f"{plural(new, 'iteration')} sent, {there} there as {arena_id(session.arena.name, session.arena.rules.metric)}"
    )


def _pull(path: Path, remote: str) -> str:
    from autoloop_kernel.memory.sharing import pull
    from autoloop_kernel.session import open_session

    with open_session(path) as session:
        found = pull(session.ledger, session.lineage, _id(session), remote)
    said = f"{plural(found.new, 'iteration')} taken in from {plural(found.origins, 'other')}"
    if not found.new:
        said = "nothing new"
    said += f"; {found.unread} could not be read and are left out" if found.unread else ""
    return said + (f"; {found.left} more are there: pull again" if found.left else "")


def _id(session: Session) -> str:
    from autoloop_kernel.memory.sharing import arena_id

    return arena_id(session.arena.name, session.arena.rules.metric)
