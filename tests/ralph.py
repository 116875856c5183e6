"""A program that behaves as a coding agent's command line does, good days and bad: `python ralph.py MEMORY`.

The same words start it every time; all that it remembers lies in the folder MEMORY, outside of where it works. It does
one thing a call: of what MEMORY/plan lists (one word a line) the next, and once that is done, its work.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from ralph_steps import due


def next_of_the_plan(memory: Path) -> str:
    first, *rest = [*(memory / "plan").read_text().split(), "work"]
    (memory / "plan").write_text("\n".join(rest))
    with open(memory / "done", "a") as done:
        done.write(f"{first}\n")
    return first


def work(steps: int = 1) -> None:
    """Do the first step of the tool that is not done yet, or several; chat meanwhile, and leave rubbish."""
    done = []
    for _ in range(steps):
        step = due({str(path): path.read_text() for path in Path("tool").glob("*.py")})
        if step is not None:
            done.append(step[0])
            for path, text in step[1].items():
                Path(path).write_text(text)
    for n in range(300):
        print(f"\x1b[2mthinking about {'; '.join(done)} ... {n}\x1b[0m", flush=n % 50 == 0)
    time.sleep(0.3)
    Path(".cache/deep").mkdir(parents=True)
    Path(".cache/deep/blob").write_bytes(os.urandom(100_000))
    Path("tool/main.py.orig").write_text("rubbish")
    Path("notes").symlink_to("/etc")
    Path(".cache").chmod(0o500)
    Path("PROPOSAL.json").write_text(json.dumps({"title": "; ".join(done), "hypothesis": "It is asked."}))


def exits() -> None:
    Path("tool/main.py").write_text("half of it")
    print("Error: the model is overloaded", file=sys.stderr)
    sys.exit(1)


def hangs() -> None:
    memory = Path(sys.argv[1])
    left = subprocess.Popen(["sleep", "600"], start_new_session=True)
    (memory / "hung").write_text(f"{os.getpid()} {left.pid}")
    print("waiting for an answer", flush=True)
    time.sleep(600)


def deletes() -> None:
    print("cleaning up", flush=True)
    subprocess.run(["sh", "-c", 'chmod -R u+w "$0"; rm -rf "$0"', str(Path.cwd())], check=False)


def breaks() -> None:
    path = Path("tool/main.py")
    path.write_text(path.read_text() + "\nraise RuntimeError('a bad day')\n")


def overreaches() -> None:
    work()
    Path("STRATEGY.md").chmod(0o644)
    Path("STRATEGY.md").write_text("# Relax\n")


def main() -> None:
    memory = Path(sys.argv[1])
    what = next_of_the_plan(memory)
    number = len((memory / "done").read_text().split())
    for name in ("STRATEGY.md", "CHAMPION.md", "FINDINGS.md"):
        shutil.copy(name, memory / f"{number}-{name}")
    several = lambda: work(steps=5)  # noqa: E731
    acts = {"work": work, "several": several, "exit": exits, "hang": hangs, "delete": deletes}
    {**acts, "break": breaks, "overreach": overreaches}[what]()


if __name__ == "__main__":
    main()
