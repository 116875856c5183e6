"""A program that behaves as a coding agent's command line does, good days and bad: `python ralph.py MEMORY`.

The same words start it every time; all that it remembers lies in the folder MEMORY, outside of where it works. It does
one thing a call: of what MEMORY/plan lists (one word a line) the next, and once that is done, its work.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

BODIES = {"clip": "x.clip(0, 1)", "largest": "x.max()", "total": "x.sum()", "mean": "x.mean()"}
TODO = re.compile(r'(def (\w+)\(x\):\n    """[^"]*"""\n    return )x  # TODO')


def next_of_the_plan(memory: Path) -> str:
    first, *rest = [*(memory / "plan").read_text().split(), "work"]
    (memory / "plan").write_text("\n".join(rest))
    with open(memory / "done", "a") as done:
        done.write(f"{first}\n")
    return first


def work(several: bool = False) -> None:
    """Write the first function that is not written yet, or one in every file; chat meanwhile, and leave rubbish."""
    changed = []
    for path in sorted(Path().glob("*.py")):
        text, count = TODO.subn(lambda found: found[1] + BODIES[found[2]], path.read_text(), count=1)
        if count and (several or not changed):
            path.write_text(text)
            changed.append(path.stem)
    for n in range(300):
        print(f"\x1b[2mthinking about {', '.join(changed)} ... {n}\x1b[0m", flush=n % 50 == 0)
    time.sleep(0.3)
    Path(".cache/deep").mkdir(parents=True)
    Path(".cache/deep/blob").write_bytes(os.urandom(100_000))
    Path("clip.py.orig").write_text("rubbish")
    Path("notes").symlink_to("/etc")
    Path(".cache").chmod(0o500)
    Path("PROPOSAL.json").write_text(json.dumps({"title": f"write {', '.join(changed)}", "hypothesis": "It is asked."}))


def exits() -> None:
    Path("clip.py").write_text("half of it")
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
    path = Path("answer.py")
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
    several = lambda: work(several=True)  # noqa: E731
    acts = {"work": work, "several": several, "exit": exits, "hang": hangs, "delete": deletes}
    {**acts, "break": breaks, "overreach": overreaches}[what]()


if __name__ == "__main__":
    main()
