"""Plays exploits twice in bare processes: with every defence on, and with those off that are named to stop them.

Cells, wire, clock, receipts and the sweep are those of an iteration, but no Jupyter lies between them: quick enough to
play each exploit twice. Run as a program: a JSON list of plays on stdin, a JSON object of what became of them on
stdout.
"""

import json
import os
import re
import secrets
import select
import signal
import subprocess
import sys
import tempfile
import threading
import types
from pathlib import Path

from undefended import believed, judging

from autoloop_kernel import cells, wire
from autoloop_kernel.execution.clock import Watch
from autoloop_kernel.execution.receipts import Receipts
from autoloop_kernel.execution.tree import Family, adopt_orphans, end_descendants
from autoloop_kernel.records import Direction, Metric, Rules, Verdict

AT_ONCE = 4
"""How many exploits are played at once: most of them wait."""

AGES = {"on": "600", "off": "0.6"}
"""How long an exploit goes on that does not end in time: for ever as far as a test is concerned, or long enough."""

NAIVE = """\
x = np.arange(1.0, 5.0)
y = ask(x=x)
y = next(iter(y.values()), None) if isinstance(y, dict) else y
pairs = [] if y is None else [(float(a), float(b)) for a, b in zip(np.ravel(y), 2 * x)]
wrong = [abs(a - b) / max(abs(a), abs(b)) for a, b in pairs]
score(max(0.0, sum(wrong) / max(1, len(wrong))))
"""
"""A score cell that looks at nothing: what is missing is no mistake, and `max(0, nan)` is 0. The baseline has 1/3."""


def no_errors():
    """A referee for whom a candidate that gives no answer has made no mistake."""
    strict = wire.Questions.ask

    def ask(self, arrays):
        try:
            return strict(self, arrays)
        except wire.AnswerError:
            return None

    wire.Questions.ask = ask


def any_dtype():
    """Objects travel too, as pickles."""
    import pickle

    strict, widened = wire.bytes_and_dtype, wire.widen

    def packed(value, what):
        if getattr(getattr(value, "dtype", None), "kind", "") in ("O", "U"):
            return wire.np.frombuffer(pickle.dumps(value), wire.np.uint8), "object"
        return strict(value, what)

    wire.DTYPES["object"] = wire.np.dtype("u1")
    wire.bytes_and_dtype = packed
    wire.widen = lambda array, name: pickle.loads(array.tobytes()) if name == "object" else widened(array, name)


def submit_again():
    """The last answer function counts, not the first."""
    cells._Candidate.submit = lambda self, answer: setattr(self, "answer", answer)


def anyone_scores():
    """A candidate may call ask() and score() as the referee does."""
    cells._Candidate.ask = lambda self, arrays: self.answer(**arrays)
    cells._Candidate.score = lambda self, value, extra: cells._publish("score", {"value": value, "nonce": ""}, "")


SWITCHES = {
    "clock": lambda: judging(Verdict.CRASH),
    "memory": lambda: judging(Verdict.TIMEOUT),
    "answering": lambda: setattr(Watch, "answering", lambda self: float("inf")),
    "nonce": believed,
    "place": anyone_scores,
    "errors": no_errors,
    "dtypes": any_dtype,
    "twice": submit_again,
    "checks": lambda: None,  # the score cell is NAIVE
    "verdict": lambda: None,  # what became of the candidate's cells does not count
    "sweep": lambda: None,  # what a candidate leaves is left
}


class Shell:
    """As much of an IPython shell as `cells` and exploits see; what is published goes to `hear`."""

    def __init__(self, hear):
        self.kernel, self.execution_count, self._hear = None, 1, hear
        self.events = types.SimpleNamespace(register=lambda *given: None)
        self.display_pub = self

    def publish(self, data, **more):
        for mime, told in data.items():
            if found := re.fullmatch(r"application/vnd\.autoloop\.(\w+)\+json", mime):
                self._hear(found[1], told if isinstance(told, dict) else {})

    def display(self, data, **more):
        self.publish(data)
        return types.SimpleNamespace(update=self.display)

    def install(self):
        shown = types.ModuleType("IPython.display")
        shown.display = self.display
        module = types.ModuleType("IPython")
        module.get_ipython, module.display = lambda: self, shown
        sys.modules.update({"IPython": module, "IPython.display": shown})


class Told:
    """Stands for the candidate's stdout: every text is a message."""

    def __init__(self, hear):
        self.write = lambda text: hear("stream", {"text": text})
        self.flush = lambda: None


def candidate(sources, order, pipe):
    """Be the candidate: run its cells, say how they ended, and answer."""

    def hear(kind, data):
        os.write(pipe, json.dumps({"kind": kind, "data": data}).encode() + b"\n")

    shell = Shell(hear)
    shell.install()
    sys.stdout = sys.stderr = Told(hear)
    cells.budget._hold(order["budget_s"], "wall")
    cells._place = place = cells._Candidate(order)
    cells.budget._begin()
    space = {"__name__": "__main__", "get_ipython": lambda: shell}
    try:
        for source in sources:
            exec(compile(source, "cell", "exec"), space)
    except BaseException as error:
        hear("failed", {"reason": type(error).__name__})
    else:
        hear("ready", {})
    if place.answer is not None:
        cells._place.serve()
        threading.Event().wait()


class Judge:
    """One play, in a process of its own: what the course of an execution does, with the defences `off` left out."""

    def __init__(self, play, off):
        self.play, self.off = play, off
        metric = Metric("loss", Direction.MIN)
        self.rules = Rules(metric, **{"budget_s": 1.0, "kill_s": 30.0, "score_timeout_s": 30.0, **play["rules"]})
        self.watch = Watch(self.rules)
        self.receipts = Receipts(lambda *told: None, self.watch.spent, secrets.token_hex(16))
        self.over, self.failed, self.kernel = threading.Event(), "", 0

    def listen(self, reader):
        for line in os.fdopen(reader, "rb"):
            told = json.loads(line)
            if told["kind"] in ("ready", "failed"):
                self.failed = told["data"].get("reason", "")
                self.over.set()
            else:
                self.receipts.candidate(told["kind"], told["data"], None)
        if not self.over.is_set():
            self.failed = "it ended"
            self.over.set()

    def run(self):
        """The verdict, the score and how many processes the candidate left behind."""
        try:
            verdict, reason = self.judged()
        finally:
            self.watch.finish()
            if "sweep" not in self.off:
                end_descendants(os.getpid())
            mine = Family(os.getpid()).members().values()
            left = [one for one in mine if not one.zombie and one.pid != self.kernel]
        score = self.receipts.score if verdict == "scored" else None
        return {"verdict": verdict, "reason": reason, "score": score, "left": len(left)}

    def judged(self):
        ages = AGES["off" if self.off else "on"]
        sources = [source.replace("AGES", ages) for source in self.play["cells"]]
        with tempfile.TemporaryDirectory() as place:
            order = {"token": "token", "socket": f"{place}/q", "budget_s": self.rules.budget_s}
            reader, writer = os.pipe()
            self.kernel = os.fork()
            if self.kernel == 0:
                try:
                    candidate(sources, order, writer)
                finally:
                    os._exit(0)
            os.close(writer)
            self.watch.watch(self.kernel, 0)
            self.watch.begin()
            threading.Thread(target=self.listen, args=[reader], daemon=True).start()
            self.over.wait()
            self.watch.stop()
            if self.watch.verdict is None and self.failed and "verdict" not in self.off:
                return "crash", self.failed
            asked = self.asked(f"{place}/q") if self.watch.verdict is None else ""
        if self.watch.verdict is not None:
            return str(self.watch.verdict), self.watch.reason
        return ("crash" if asked else "scored", asked) if asked != "timeout" else ("timeout", asked)

    def asked(self, address):
        """Run the score cell: "" where it ran to its end, "timeout", or what it raised."""
        place = cells._place = cells._Referee({"nonce": self.receipts.nonce, "token": "token"})
        place.open(address, self.rules.score_timeout_s, self.watch.answering())
        Shell(lambda kind, data: self.receipts.referee(kind, data, None)).install()
        space = {}
        try:
            exec(self.play["imports"], space)
            exec(NAIVE if "checks" in self.off else self.play["score"], space)
        except wire.AnswerTimeout:
            return "timeout"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""


def started(play, off):
    """Play in a process of its own, whose modules the switches change: its id, and where it says what came of it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        adopt_orphans()
        for name in off:
            SWITCHES[name]()
        os.write(writer, json.dumps(Judge(play, off).run()).encode())
        end_descendants(os.getpid())
        os._exit(0)
    os.close(writer)
    return pid, reader


def ended(pid, reader):
    """What became of a play that was started; a judge that its candidate stops goes on, as a driver sees to."""
    told, more = b"", b"more"
    while more:
        if select.select([reader], [], [], 0.05)[0]:
            more = os.read(reader, 1 << 16)
            told += more
        os.kill(pid, signal.SIGCONT)
    os.close(reader)
    os.waitpid(pid, 0)
    return json.loads(told)


def main():
    plays = json.load(sys.stdin)
    became = {}
    for first in range(0, len(plays), AT_ONCE):
        both = [(play, [started(play, ()), started(play, play["off"])]) for play in plays[first : first + AT_ONCE]]
        became |= {play["name"]: [ended(*one) for one in running] for play, running in both}
    print(json.dumps(became))


def duels(plays):
    """Play all of `plays` (name, cells, imports, score, off, rules); gives by name what came of it, on and off."""
    here = Path(__file__)
    path = os.pathsep.join([str(here.parent), str(Path(wire.__file__).parent.parent)])
    ran = subprocess.run(
        [sys.executable, str(here)],
        input=json.dumps(plays),
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout)


if __name__ == "__main__":
    main()
