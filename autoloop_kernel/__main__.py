"""The detached driver's process: `python -m autoloop_kernel ARENA --agent A [--iterations N] [--hours H] …`."""

import argparse
import os
import sys
from pathlib import Path

from autoloop_kernel.durable import in_words
from autoloop_kernel.plan import DEPTH, SHARE_EVERY
from autoloop_kernel.quickly import leave_out_grammar
from autoloop_kernel.records import AutoloopError


def main() -> int:
    """Drive as the arguments say; gives the exit status, and says on standard error why it ended."""
    leave_out_grammar()
    from autoloop_kernel.driver import Plan, drive, propose  # late: what was left out must be so before

    parser = argparse.ArgumentParser(prog="python -m autoloop_kernel")
    parser.add_argument("arena", type=Path)
    parser.add_argument("--agent", action="append", required=True)
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--hours", type=float)
    parser.add_argument("--until", type=float)
    parser.add_argument("--ahead", type=int, default=DEPTH)
    parser.add_argument("--max-cost", type=float)
    parser.add_argument("--share")
    parser.add_argument("--share-every", type=float, default=SHARE_EVERY)
    parser.add_argument("--workers", default="1")
    parser.add_argument("--islands", action="store_true")
    parser.add_argument("--queued", action="store_true")
    parser.add_argument("--review", action="store_true")
    chosen = parser.parse_args()
    try:
        if chosen.review:
            propose(chosen.arena, *chosen.agent, max_cost=chosen.max_cost)
            return 0
        bounds = Plan(
            chosen.iterations,
            chosen.hours,
            chosen.until,
            chosen.queued,
            ahead=chosen.ahead,
            max_cost=chosen.max_cost,
            share=chosen.share,
            share_every=chosen.share_every,
            workers=chosen.workers,
            islands=chosen.islands,
        )
        ended = drive(chosen.arena, chosen.agent, bounds)
    except AutoloopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except Exception as error:
        if os.environ.get("AUTOLOOP_DEBUG"):
            raise
        sys.stderr.write(f"{in_words(error)}\n")
        return 1
    sys.stderr.write(f"{ended.reason}\n")
    return int(ended.failed)


if __name__ == "__main__":
    sys.exit(main())
