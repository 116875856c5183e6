"""What the cells of an arena import: `budget`, `report`, `facts`, `submit`, `ask` and `score`.

    from autoloop_kernel.cells import budget, report, submit

Light on purpose: standard library and numpy. The same calls work in three places. In an iteration's candidate kernel
`report` and `facts` tell the harness how it goes, and `submit` hands over the function that will answer. In the
referee's kernel, which never runs agent code, `ask` puts questions to it and `score` states the number. And by hand
("Run All Cells" in any Jupyter, or a plain script) all works in one process: `ask` calls the submitted function.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from autoloop_kernel import wire
from autoloop_kernel.wire import AnswerError, AnswerTimeout

__all__ = [
    "AnswerError",
    "AnswerTimeout",
    "CellsError",
    "ask",
    "budget",
    "facts",
    "held_out",
    "report",
    "score",
    "submit",
]

MIME = "application/vnd.autoloop.{}+json"
REPORT_EVERY_S = 0.1


class CellsError(RuntimeError):
    """A call that cannot be met where it was made; the text says why in plain words."""


class Budget:
    """The time that a candidate may use. In an iteration the harness owns the clock, and this one shows it.

    By hand the clock starts at its first use (or at `start()`), and lasts the notebook's `BUDGET_S`.
    """

    def __init__(self) -> None:
        self._seconds: float | None = None
        self._clock = "wall"
        self._zero: tuple[float, float] | None = None
        self._held = False

    @property
    def seconds(self) -> float:
        """The whole budget in seconds on the arena's clock."""
        if self._seconds is not None:
            return self._seconds
        given = getattr(sys.modules.get("__main__"), "BUDGET_S", None)
        if not isinstance(given, int | float) or given <= 0:
            raise CellsError("there is no budget: set BUDGET_S (seconds) in the parameters cell")
        return float(given)

    def start(self, clock: str = "wall") -> None:
        """By hand: start the clock (`wall` or `cpu`) again. In an iteration the harness does, and this does nothing."""
        if not self._held:
            self._clock = clock
            self._begin()

    def spent(self) -> float:
        """Seconds since the clock started."""
        if self._zero is None:
            if self._held:
                return 0.0
            self._begin()
        wall, cpu = self._zero or (0.0, 0.0)
        on_wall = self._clock == "wall" or _cuda_in_use()
        return max(0.0, time.monotonic() - wall if on_wall else _cpu_seconds() - cpu)

    def remaining(self) -> float:
        """Seconds left of the budget; 0 once it is spent."""
        return max(0.0, self.seconds - self.spent())

    def _hold(self, seconds: float, clock: str) -> None:
        self._seconds, self._clock, self._zero, self._held = seconds, clock, None, True

    def _begin(self) -> None:
        self._zero = (time.monotonic(), _cpu_seconds() if self._clock == "cpu" else 0.0)


class _Hand:
    """Everything in one process, by hand."""

    answer: Callable[..., Any] | None = None
    held_out = False
    _shown_at = 0.0

    def report(self, step: float, numbers: Mapping[str, float]) -> None:
        """Show the latest point in one line that is updated in place."""
        if time.monotonic() - self._shown_at >= 0.25:
            self._shown_at = time.monotonic()
            _show_line("  ".join([f"step {step:g}", *(f"{name} {number:.5g}" for name, number in numbers.items())]))

    def facts(self, values: Mapping[str, Any]) -> None:
        """Print the receipt."""
        print("  ".join(f"{name} {value}" for name, value in values.items()))  # noqa: T201

    def submit(self, answer: Callable[..., Any]) -> None:
        """Keep the function for `ask`; running the cell again replaces it."""
        self.answer = answer

    def ask(self, arrays: Mapping[str, Any]) -> Any:
        """Call the submitted function, with the conversions that a journey over the wire brings."""
        if self.answer is None:
            raise AnswerError("nothing was submitted yet: run the cell that calls submit(...) first")
        answered = self.answer(**(wire.copied(arrays, "the question") if arrays else {}))
        try:
            return wire.copied(answered, "the answer")
        except TypeError as error:
            raise AnswerError(str(error)) from error

    def score(self, value: float, extra: Mapping[str, Any]) -> None:
        """Show the number: as text, and in a kernel as data too, so that a program can read all its digits."""
        text = "  ".join([f"score {value:.6g}", *(f"{name} {item}" for name, item in extra.items())])
        if hasattr(_shell(), "kernel"):
            _publish("score", {"value": value, "extra": dict(extra)}, text)
        else:
            print(text)  # noqa: T201


class _Candidate(_Hand):
    """In the candidate's kernel: points and receipts go to the harness, questions are answered over a socket."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._token = str(order["token"])
        self._listener, self.address = wire.listen(order.get("socket"))
        self._pending: tuple[float, Mapping[str, float], float] | None = None
        self._sent_at = -math.inf
        shell = _shell()
        if shell is not None:
            shell.events.register("post_run_cell", lambda *_: self._flush())

    def report(self, step: float, numbers: Mapping[str, float]) -> None:
        """Send the point, or hold it back until the next one is due; the last one is always sent."""
        self._pending = (step, numbers, budget.spent())
        if time.monotonic() - self._sent_at >= REPORT_EVERY_S:
            self._flush()

    def _flush(self) -> None:
        if self._pending is not None:
            step, numbers, seconds = self._pending
            self._pending, self._sent_at = None, time.monotonic()
            named = {name: number if math.isfinite(number) else str(number) for name, number in numbers.items()}
            _publish("report", {"step": step, "numbers": named, "seconds": seconds}, f"step {step:g}")

    def facts(self, values: Mapping[str, Any]) -> None:
        """Send the receipt."""
        _publish("facts", dict(values), "facts")

    def submit(self, answer: Callable[..., Any]) -> None:
        """Take the function, once."""
        if self.answer is not None:
            raise CellsError("submit() was called twice: a candidate has one answer function")
        self._flush()
        self.answer = answer

    def ask(self, arrays: Mapping[str, Any]) -> Any:
        """Refused: a candidate does not ask."""
        raise CellsError("ask() belongs in a score cell, which runs in the referee's kernel")

    def score(self, value: float, extra: Mapping[str, Any]) -> None:
        """Refused: a candidate does not score."""
        raise CellsError("score() belongs in a score cell, which runs in the referee's kernel")

    def serve(self) -> None:
        """Answer until the harness ends this kernel."""
        if self.answer is None:
            raise CellsError("nothing was submitted")
        _publish("serving", {}, "")
        wire.serve(self._listener, self._token, self.answer, _lending().Borrower().reply)


class _Referee(_Hand):
    """In the referee's kernel: asks over a socket and states the score with this attempt's nonce."""

    address = None

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._nonce = str(order["nonce"])
        self._token = str(order["token"])
        self._questions: Any = None
        self._scored = False

    def report(self, step: float, numbers: Mapping[str, float]) -> None:
        """Nothing: a shared cell's report is the candidate's."""

    def facts(self, values: Mapping[str, Any]) -> None:
        """Nothing: a shared cell's receipt is the candidate's."""

    def submit(self, answer: Callable[..., Any]) -> None:
        """Refused: a referee has no answers."""
        raise CellsError("submit() belongs in a candidate's cell, not in a score cell or a shared one")

    def open(self, address: Any, seconds: float, answering: float, held_out: bool = False, waited: float = 0.0) -> None:
        """The score cells begin: the candidate answers at `address`, for `answering` s; all is over in `seconds`.

        Of these it has taken `waited` s before it listened.
        """
        self.held_out = held_out
        self._questions = _lending().Lender(address, self._token, answering)
        self._questions.deadline = time.monotonic() + seconds
        self._questions.bill(waited)

    def ask(self, arrays: Mapping[str, Any]) -> Any:
        """Put the question to the candidate's kernel."""
        if self._questions is None:
            raise CellsError("ask() belongs in a score cell: a shared cell runs before there is a candidate to ask")
        return self._questions.ask(arrays)

    def score(self, value: float, extra: Mapping[str, Any]) -> None:
        """State the number, once."""
        if self._scored:
            raise CellsError("score() was called twice: an arena has one score")
        self._scored = True
        told = self._questions.told if self._questions is not None else ""
        stated = {"value": value, "extra": dict(extra), "nonce": self._nonce, "answers": told}
        _publish("score", stated, f"score {value:.6g}")


budget = Budget()
_place: _Hand = _Hand()


def report(step: float, **numbers: float) -> None:
    """Report one point of a learning curve: the step, and named numbers such as `loss=2.31`.

    Cheap enough for every step: in an iteration about ten points a second are sent, and the last one always.
    """
    named = {name: _number(value, f"report's {name}") for name, value in numbers.items()}
    _place.report(_number(step, "report's step"), named)


def facts(**values: Any) -> None:
    """Record what was really run: parameters, tokens, steps, widths, peak memory. Later values replace earlier ones."""
    _place.facts({name: _plain(value) for name, value in values.items()})


def submit(answer: Callable[..., Any]) -> None:
    """Hand over the function that will answer the referee: the candidate's last act.

    It is called as `answer(**arrays)` with numpy arrays; it returns one array or a dict of them, numpy or torch.
    """
    if not callable(answer):
        raise CellsError(f"submit() takes the function that answers, not a {type(answer).__name__}")
    _place.submit(answer)


def ask(**arrays: Any) -> Any:
    """In a score cell: put a question to the candidate; returns its answer as one numpy array or a dict of them.

    Raises `AnswerError`, which says why in plain words, when no usable answer comes. bfloat16 arrives as float32.
    """
    return _place.ask(arrays)


def score(value: float, **extra: Any) -> None:
    """In a score cell: state the score, a finite number, and what else to record beside it. Once."""
    number = _number(value, "the score")
    if not math.isfinite(number):
        raise CellsError(f"the score is {number}: it must be a finite number")
    _place.score(number, {name: _plain(item) for name, item in extra.items()})


def held_out() -> bool:
    """In a score cell: whether this run is to be scored on the part of the sealed data that no selection ever sees.

    True once a keep has been confirmed, to show what of its gain holds on other data; False otherwise, and by hand.
    """
    return _place.held_out


def _number(value: Any, what: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise CellsError(f"{what} is a {type(value).__name__}, not a number") from None


def _plain(value: Any, depth: int = 0) -> Any:
    """`value` as what JSON takes; numbers that are not finite, and all else, as text."""
    if value is None or isinstance(value, bool | str):
        return value if not isinstance(value, str) else value[:2000]
    if isinstance(value, int | float):
        return value if isinstance(value, int) or math.isfinite(value) else str(value)
    if isinstance(value, Mapping) and depth < 4:
        return {str(key): _plain(item, depth + 1) for key, item in list(value.items())[:200]}
    if isinstance(value, list | tuple) and depth < 4:
        return [_plain(item, depth + 1) for item in value[:200]]
    if callable(getattr(value, "tolist", None)) and getattr(value, "size", None) is not None and depth < 4:
        return _plain(value.tolist(), depth + 1)
    return str(value)[:200]


def _lending() -> Any:
    """The module `lending`, loaded between two kernels alone: by hand, and so in an export, nothing travels."""
    return importlib.import_module("autoloop_kernel.lending")


def _shell() -> Any:
    """The IPython shell that runs this process's cells, None in a plain script."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def _publish(kind: str, data: Mapping[str, Any], text: str) -> None:
    """Send one message to the harness, as a display of a type that only it reads."""
    shell = _shell()
    if shell is not None:
        shell.display_pub.publish({MIME.format(kind): dict(data), "text/plain": text})


_line: Any = None


def _show_line(text: str) -> None:
    """Show `text` in place of the line shown last, where the front end can; else print it."""
    global _line
    shell = _shell()
    if shell is None or not hasattr(shell, "kernel"):
        print(text)  # noqa: T201
        return
    display = importlib.import_module("IPython.display").display
    if _line is None or _line[0] != shell.execution_count:
        _line = (shell.execution_count, display({"text/plain": text}, raw=True, display_id=True))
    else:
        _line[1].update({"text/plain": text}, raw=True)


def _cuda_in_use() -> bool:
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    return cuda is not None and bool(cuda.is_initialized())


_others: tuple[float, float] = (-math.inf, 0.0)


def _cpu_seconds() -> float:
    """CPU seconds of this process, its ended children and (on Linux; looked up 5 times a second) the living ones."""
    global _others
    own = os.times()
    if time.monotonic() - _others[0] > 0.2:
        _others = (time.monotonic(), _living_descendants())
    return own.user + own.system + own.children_user + own.children_system + _others[1]


def _living_descendants() -> float:
    """CPU seconds of all living descendants of this process, 0 where there is no /proc."""
    parents: dict[int, tuple[int, float]] = {}
    ticks = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
    try:
        names = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    except OSError:
        return 0.0
    for name in names:
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        parents[int(name)] = (int(fields[1]), sum(int(field) for field in fields[11:15]) / ticks)
    family, total, grew = {os.getpid()}, 0.0, True
    while grew:
        born = {pid for pid, (parent, _) in parents.items() if parent in family and pid not in family}
        total += sum(parents[pid][1] for pid in born)
        family |= born
        grew = bool(born)
    return total


def _enter(order: str) -> Any:
    """The harness's hand-over before any cell runs: what this kernel is for. Returns where it will answer."""
    global _place
    given = json.loads(order)
    importlib.invalidate_caches()
    os.environ["AUTOLOOP_RUN"] = str(given["run"])
    budget._hold(float(given["budget_s"]), str(given["clock"]))
    if given["role"] == "candidate":
        _place = _Candidate(given)
        return _place.address
    _place = _Referee(given)
    _preload('{"modules": ["autoloop_kernel.scoring"]}')
    return None


def _preload(order: str) -> None:
    """The harness imports ahead what the cells will import; what cannot be imported shows when they run."""
    for name in json.loads(order)["modules"]:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _begin() -> None:
    """The harness starts the clock: the first editable cell is next."""
    budget._begin()


def _open(order: str) -> None:
    """The harness opens the score cells in the referee's kernel."""
    given = json.loads(order)
    if isinstance(_place, _Referee):
        seconds, answering, waited = (float(given[name]) for name in ("seconds", "answering", "waited"))
        _place.open(given["address"], seconds, answering, bool(given["held_out"]), waited)


def _serve() -> None:
    """The harness lets the candidate's kernel answer from now on."""
    if isinstance(_place, _Candidate):
        _place.serve()
