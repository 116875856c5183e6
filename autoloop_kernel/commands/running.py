"""Commands that run the loop or steer a driver that runs: step, auto, pause, resume, stop, fork, replicate."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.text import Text

from autoloop_kernel.commands.common import ArenaArg, arena_path, console, has_run, opened, say
from autoloop_kernel.plan import SHARE_EVERY
from autoloop_kernel.records import AutoloopError, Proposal

if TYPE_CHECKING:
    from autoloop_kernel.driver import Ended, Plan

AGENT_HELP = (
    "Who proposes: search, claude[:MODEL], human, rescue, command:CMD, module:attr, or an installed agent; "
    "with a role: NAME@explore, @refine, @simplify or @combine."
)
SEARCH = "search"
ACCEPT = ""
"""The answer that runs a proposal; any other is the reason why it is skipped."""

MaxCostOpt = Annotated[
    float | None, typer.Option("--max-cost", metavar="DOLLARS", help="Stop once the agents have spent so much.")
]

T = TypeVar("T")
F = TypeVar("F")


def step(
    arena: ArenaArg,
    agent: Annotated[str, typer.Option("--agent", metavar="A", help=AGENT_HELP)] = SEARCH,
    review: Annotated[bool, typer.Option("--review", help="Show the proposal and ask before it is run.")] = False,
    max_cost: MaxCostOpt = None,
) -> None:
    """Run one iteration."""
    from autoloop_kernel.driver import Plan

    if review and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise AutoloopError(
            "--review asks at a terminal, and there is none here: leave it out, or run it in a terminal"
        )
    path, plan = arena_path(arena), Plan(iterations=1, max_cost=max_cost)
    if review:
        reviewed(path, agent, max_cost)
        plan = Plan(queued=True)
    ended = run(path, [agent], plan)
    if ended.failed:
        sys.stderr.write(f"{ended.reason}\n")
        raise typer.Exit(1)


def auto(
    arena: ArenaArg,
    agent: Annotated[
        list[str] | None,
        typer.Option("--agent", metavar="A", help=f"{AGENT_HELP} Of several, those that earn more propose more."),
    ] = None,
    iterations: Annotated[int | None, typer.Option(metavar="N", help="Stop after N iterations.")] = None,
    hours: Annotated[float | None, typer.Option(metavar="H", help="Start none after H hours.")] = None,
    until: Annotated[float | None, typer.Option(metavar="VALUE", help="Stop once the score is as good.")] = None,
    ahead: Annotated[
        int, typer.Option(metavar="N", help="So many proposals are made ready while one runs, by agents that think.")
    ] = 2,
    max_cost: MaxCostOpt = None,
    workers: Annotated[
        str, typer.Option(metavar="SPEC", help="How many run at once, one a GPU; or ray, ray:N, ray://HOST:PORT.")
    ] = "1",
    share: Annotated[
        str | None, typer.Option(metavar="REMOTE", help="Share live with others over this git repository.")
    ] = None,
    share_every: Annotated[
        float | None, typer.Option(metavar="MINUTES", help="Look at it so often (default: 3).", show_default=False)
    ] = None,
    islands: Annotated[
        bool,
        typer.Option(
            "--islands", help="Each of several agents has a line of its own; what is confirmed there is exchanged."
        ),
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running behind, and return.")] = False,
) -> None:
    """Run iterations until stopped, or a bound is reached."""
    from autoloop_kernel import driver

    path, agents = arena_path(arena), agent or [SEARCH]
    plan = driver.Plan(iterations=iterations, hours=hours, until=until, ahead=ahead, max_cost=max_cost, workers=workers)
    if share_every is not None and share is None:
        raise AutoloopError(f"--share-every {share_every:g} goes with --share: name the repository, or leave it out")
    plan = replace(plan, share=share, share_every=SHARE_EVERY if share_every is None else share_every, islands=islands)
    if detach:
        pid = driver.detach(path, agents, plan)
        say(f"running behind as process {pid}", f"see: autoloop status {path}; end it with: autoloop stop {path}")
        return
    ended = run(path, agents, plan)
    if ended.failed:
        sys.stderr.write(f"{ended.reason}\n")
        raise typer.Exit(1)
    say("", f"{ended.reason}: {standing(path)}", f"see: autoloop log {path}")


def run(path: Path, agents: Sequence[str], plan: Plan) -> Ended:
    """Drive the arena in this process, and show what happens. An error after the start is a failure, not a refusal."""
    from autoloop_kernel.driver import Ended, drive

    return shown(path, lambda: drive(path, agents, plan), lambda error: Ended(str(error), 0, True), plan.iterations)


def shown(path: Path, work: Callable[[], T], failed: Callable[[AutoloopError], F], planned: int | None = None) -> T | F:
    """Do `work` as the arena's driver and show what happens; `failed` turns an error after the start into a result."""
    from autoloop_kernel.session import LEDGER, open_session
    from autoloop_kernel.views.live import following
    from autoloop_kernel.views.scene import Scene

    with open_session(path) as session:
        champion = session.champion()
        score, number = (champion.score, champion.number) if champion else (None, None)
        scene = Scene(session.arena.name, session.arena.rules, score, number, planned)
        latest = session.ledger.last_event()
        after, ledger = latest.seq if latest else 0, session.arena.runs / LEDGER
        for note in session.notes:
            say(Text(note, style="yellow"))
    try:
        with following(ledger, scene, console(), after):
            return work()
    except AutoloopError as error:
        with open_session(path, create=False) as session:
            started = session.ledger.last_event("driver.start")
        if started is None or started.seq <= after:
            raise
        return failed(error)


def standing(path: Path) -> str:
    """One line: the best of the current epoch, and what it gained."""
    from autoloop_kernel.session import open_session
    from autoloop_kernel.views.tables import summary

    with open_session(path, create=False) as session:
        own = session.ledger.iterations(epoch=session.ledger.current_epoch())
        return summary([it for it in own if it.verdict is not None], session.arena.rules.metric).plain


def reviewed(path: Path, agent: str, max_cost: float | None = None) -> None:
    """Let the person decide on proposals, one that waits from earlier first, until one is accepted.

    Ends with status 1 where no proposal passed, or the person left it undecided: it goes on waiting.
    """
    from autoloop_kernel import reviewing
    from autoloop_kernel.driver import propose
    from autoloop_kernel.session import open_session

    while True:
        with open_session(path) as session:
            rows = reviewing.waiting(session)
            if rows:
                base = session.units(rows[0].proposal.base) if rows[0].proposal.base is not None else {}
        if not rows:
            trouble = shown(path, lambda: (propose(path, agent, max_cost=max_cost), "")[1], str)
            if trouble:
                sys.stderr.write(f"{trouble}\n")
                raise typer.Exit(1)
            continue
        answer = asking(rows[0].proposal, base)
        if answer is None:
            sys.stderr.write(f"no answer: it waits for your review; see autoloop step {path} --review\n")
            raise typer.Exit(1)
        with open_session(path) as session:
            if answer == ACCEPT:
                reviewing.accept(session, rows[0].id)
                return
            reviewing.skip(session, rows[0].id, answer)


def asking(proposal: Proposal, base: Mapping[str, str]) -> str | None:
    """Show a proposal as a diff and ask: `ACCEPT`, the reason why it is skipped, or None without an answer."""
    from autoloop_kernel.views.diff import coloured, unified
    from autoloop_kernel.views.words import plain

    out = console()
    out.print(Text(f"\n{plain(proposal.title)}", style="bold"), Text(f"by {plain(proposal.agent)}", style="dim"))
    if proposal.hypothesis.strip():
        out.print(Text(plain(proposal.hypothesis), style="italic"))
    out.print(coloured(unified(base, {**base, **proposal.units}, "champion", "proposal")), soft_wrap=True)
    try:
        while True:
            answer = input("run it? [a]ccept or [s]kip: ").strip().lower()
            if answer in ("a", "accept", "y", "yes"):
                return ACCEPT
            if answer in ("s", "skip", "n", "no"):
                return input("why not? ").strip() or "skipped by the person"
    except EOFError:
        return None


def pause(arena: ArenaArg) -> None:
    """Pause the driver once what runs has its verdict."""
    _send(arena, "pause")


def resume(arena: ArenaArg) -> None:
    """Let a paused driver go on."""
    _send(arena, "resume")


def stop(
    arena: ArenaArg,
    now: Annotated[bool, typer.Option("--now", help="Kill what runs; it is run again at the next start.")] = False,
) -> None:
    """Stop the driver once what runs has its verdict."""
    _send(arena, "stop-now" if now else "stop")


def fork(
    arena: ArenaArg,
    number: Annotated[int, typer.Argument(metavar="N", help="The iteration, also a discarded one.", min=1)],
) -> None:
    """Go on from an iteration: the next proposals edit it."""
    from autoloop_kernel import reviewing
    from autoloop_kernel.views.words import plain

    with opened(arena_path(arena)) as session:
        it = reviewing.fork(session, number)
    say(f"the next proposals edit iteration {it.number}, {plain(it.title)}, and are held against it")


def replicate(
    arena: ArenaArg,
    number: Annotated[int, typer.Argument(metavar="N", help="The iteration, whatever its verdict.", min=1)],
) -> None:
    """Run an iteration once more, with a fresh seed."""
    from autoloop_kernel import reviewing
    from autoloop_kernel.driver import Plan

    path = arena_path(arena)
    with opened(path) as session:
        reviewing.replicate(session, number)
        if session.ledger.holder() is not None:
            say(f"the driver runs iteration {number} once more before its next proposal")
            return
    run(path, [SEARCH], Plan(queued=True))


def confirm(
    arena: ArenaArg,
    number: Annotated[
        int | None, typer.Option("-i", "--iteration", metavar="N", help="Only this keep.", min=1, show_default=False)
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="At most K runs of a keep, and as many of its base (default: 8).",
            min=1,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run the kept line with fresh seeds. What holds up is confirmed, what does not refuted."""
    from autoloop_kernel import driver, reviewing
    from autoloop_kernel.confirming import unconfirmed
    from autoloop_kernel.judging.confirm import PAIRS
    from autoloop_kernel.views.words import look, plain

    path = arena_path(arena)
    with opened(path) as session:
        asked = [number] if number is not None else unconfirmed(session)
        if not asked:
            raise AutoloopError(f"nothing to confirm: no provisional keep of {path.name} stands")
        for each in asked:
            reviewing.must_be_kept(session, each)
        if session.ledger.holder() is not None:
            if pairs is not None:
                raise AutoloopError("a driver is at work, which makes as many runs as it needs: leave --pairs out")
            for each in asked:
                reviewing.confirm(session, each)
            say(f"the driver holds against fresh runs before its next proposal: {', '.join(map(str, asked))}")
            return
    done = shown(path, lambda: driver.confirm(path, number, PAIRS if pairs is None else pairs), str)
    if isinstance(done, str):
        sys.stderr.write(f"{done}\n")
        raise typer.Exit(1)
    for one in done:
        seen = look("keep", one.state)
        say(Text(f"{seen.sign} {one.state:11} {one.number} {plain(one.title)}", style=seen.style))
        if one.state == "provisional":
            say(f"  {one.reason}")


def _send(arena: Path, verb: str) -> None:
    from autoloop_kernel.driver import send

    path = arena_path(arena)
    if path.exists() and not has_run(path):
        raise AutoloopError(f"nothing is running on {path.name} — start it with: autoloop auto {path}")
    say(f"{path.name}: {send(path, verb)}")
