"""The command that brings a language-model arena other text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoloop_kernel.commands.common import ArenaArg, arena_path, console, has_run, opened, say
from autoloop_kernel.records import AutoloopError

if TYPE_CHECKING:
    from autoloop_kernel.datasets.sources import Documents

PUBLIC, OURS = "climbmix", "embedded"
SHARDS = 8
"""How many shards are fetched to train on, unless somebody says otherwise."""


def data(
    arena: ArenaArg,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM",
            help="climbmix (a public data set), the address of shards like its, a folder of parquet or text files, "
            "or embedded (what came with Autoloop).",
        ),
    ] = PUBLIC,
    shards: Annotated[
        int | None,
        typer.Option(
            "--shards", metavar="N", help="Fetch N shards to train on, 100 MB each (default: 8).", show_default=False
        ),
    ] = None,
    vocab: Annotated[int, typer.Option("--vocab", metavar="N", help="Cut the text into N different tokens.")] = 8192,
    cache: Annotated[
        Path | None, typer.Option("--cache", metavar="DIR", help="Where fetched shards stay, for all arenas.")
    ] = None,
) -> None:
    """Give a language-model arena its text. It is fetched and cut into tokens, a part of it sealed."""
    from autoloop_kernel.datasets.prepare import ABOUT, SOURCE, replace

    path = arena_path(arena)
    if not _fetches(source) and (shards is not None or cache is not None):
        raise AutoloopError(f"--shards and --cache are for text that is fetched: leave them out for {source}")
    _must_read_tokens(path, ABOUT)
    with _showing() as (fetched, told):
        documents = _documents(source, SHARDS if shards is None else shards, cache, fetched)
        about = replace(documents, path.parent, vocab, told)
    say(f"{about['title']}: {about['train_tokens']:,} tokens to train on, {about['vocab_size']:,} different ones")
    say(f"what it is: {path.parent / SOURCE}", f"next: autoloop check {path}, then autoloop auto {path}")


def _fetches(source: str) -> bool:
    """Whether this text comes in shards from elsewhere."""
    return source == PUBLIC or re.match(r"https?://", source) is not None


def _must_read_tokens(path: Path, about: str) -> None:
    """Refuse an arena that would not look at what is written, or that is running."""
    from autoloop_kernel.arena.notebook import read

    if not any(about in cell.source for cell in read(path).notebook.cells):
        raise AutoloopError(f"{path.name} does not read {about}: this is for arenas such as gpt_pretrain")
    if has_run(path):
        with opened(path) as session:
            if (holder := session.ledger.holder()) is not None:
                raise AutoloopError(f"{path.name} is being driven by {holder}: give it other text when nothing runs")


def _documents(
    source: str, shards: int, cache: Path | None, fetched: Callable[[str, int, int | None], None]
) -> Documents:
    from autoloop_kernel.datasets import sources
    from autoloop_kernel.datasets.fetching import FetchError

    if source == OURS:
        return sources.embedded()
    if _fetches(source):
        base = sources.CLIMBMIX if source == PUBLIC else source
        place = re.sub(r"[^\w.-]+", "-", base.partition("://")[2]).strip("-")
        try:
            return sources.shards(base, shards, (cache or sources.cache_folder()) / place, fetched)
        except FetchError as error:
            raise FetchError(f"{error} (without a network, name a folder of text, or {OURS})") from None
    if not Path(source).is_dir():
        raise AutoloopError(
            f"{source} is no folder: name one, {PUBLIC}, {OURS}, or an address that begins with https://"
        )
    return sources.folder(Path(source))


@contextmanager
def _showing() -> Iterator[tuple[Callable[[str, int, int | None], None], Callable[[str], None]]]:
    """A bar for each file that is fetched, and a line that says what is going on; both only on a terminal."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console()
    )
    bar.disable = not bar.console.is_terminal
    tasks: dict[str, TaskID] = {}

    def fetched(name: str, here: int, whole: int | None) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(name, total=whole)
        bar.update(tasks[name], completed=here, total=whole)

    def told(line: str) -> None:
        if "" not in tasks:
            tasks[""] = bar.add_task(line, total=None)
        bar.update(tasks[""], description=line)

    with bar:
        yield fetched, told
