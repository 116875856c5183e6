"""One request to the Messages API and its streamed answer: asked again where that helps, ended at once on a stop."""

from __future__ import annotations

import email.utils
import queue
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anthropic
from anthropic.types import Message

from autoloop_kernel.agents.base import CannotPropose, NoProposal, Silent
from autoloop_kernel.agents.claude.fence import line, plain
from autoloop_kernel.records import Cost

RETRY_TYPES = ("overloaded_error", "api_error", "rate_limit_error", "timeout_error")
"""Errors in the middle of a stream, which has status 200, that the same request may not meet again."""

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0
LINE, LINES = 400, 400
"""How long a line of reasoning is that the faces show, and how many of them one proposal may have."""


class Broken(Exception):
    """An answer broke off, or there was none; the text says how, `after` how long the server wants us to wait."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class Overflow(CannotPropose):
    """What was asked does not fit into the model's context; `said` is what the server says of it."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"the arena does not fit into the model's context ({said}) — shorten its cells or files, or take another "
            "model"
        )


class Aloud:
    """Shows reasoning as it streams in, in lines and sentences rather than in bits."""

    def __init__(self, emit: Callable[[str], None]) -> None:
        self._emit, self._text, self._mark, self._shown = emit, "", "", 0

    def say(self, text: str, mark: str = "") -> None:
        """Take the next bit; `mark` stands before each line of what is thought rather than said."""
        if mark != self._mark:
            self.end()
            self._mark = mark
        self._text += text
        *lines, self._text = self._text.split("\n")
        for one in lines:
            self._show(one)
        if len(self._text) > LINE // 2 and (ends := [m.end() for m in re.finditer(r"[.!?;:] ", self._text)]):
            self._show(self._text[: ends[-1]])
            self._text = self._text[ends[-1] :]
        elif len(self._text) > LINE:
            self._show(self._text)
            self._text = ""

    def end(self) -> None:
        """Show what is left of an unfinished line."""
        self._show(self._text)
        self._text = ""

    def _show(self, text: str) -> None:
        text = line(plain(text), LINE + 100)
        if text:
            self._shown += 1
            if self._shown <= LINES:
                self._emit(self._mark + text)
            elif self._shown == LINES + 1:
                self._emit("(the rest is not shown)")


@dataclass
class Line:
    """The line to a server. `stopped` ends everything at once; `until` is when (monotonic) the proposal's time is over.

    `booked(tokens)` is told what each request took, broken ones as far as known, and `affordable()` raises where
    another one may not be made; `hidden(text)` takes the key out of what a server says.
    """

    client: anthropic.Anthropic
    stopped: threading.Event
    until: float
    retries: int
    emit: Callable[[str], None]
    booked: Callable[[Cost], None]
    affordable: Callable[[], None]
    hidden: Callable[[str], str]

    def ask(self, request: Mapping[str, Any]) -> Message:
        """Make a request, again after a wait where that may help, and give the complete answer.

        Raises `CannotPropose` where no further asking helps, `Silent` when it was broken off too often, `NoProposal`
        when it was stopped or out of time.
        """
        tried = 0
        while True:
            self.affordable()
            try:
                return self._once(request)
            except Broken as broken:
                why = line(self.hidden(str(broken)), 300)
                if tried >= self.retries:
                    raise Silent(f"{why} ({tried + 1} times in a row)") from None
                self._wait(why, tried, broken.after)
                tried += 1

    def _wait(self, why: str, tried: int, after: float | None) -> None:
        """Wait before asking again: as long as the server says, else longer each time, as the SDK does."""
        seconds = after if after else min(FIRST_WAIT_S * 2.0**tried, LONGEST_WAIT_S) * (1 - 0.25 * random.random())
        if time.monotonic() + seconds > self.until:
            raise Silent(f"{why}, and the proposal's time is over before it can be asked again")
        self.emit(f"{why}: asked again in {seconds:.1f} s")
        if self.stopped.wait(seconds):
            raise NoProposal("stopped")

    def _once(self, request: Mapping[str, Any]) -> Message:
        """One request; what it took is booked however it ends."""
        call, aloud, tokens = _Call(self.client, request), Aloud(lambda text: self.emit(self.hidden(text))), _Tokens()
        try:
            while True:
                what, thing = self._next(call)
                if what == "event":
                    tokens.hear(thing)
                    _speak(aloud, thing)
                elif what == "error":
                    raise self._fault(thing)
                elif thing.stop_reason is None:
                    raise Broken("the answer broke off")
                else:
                    return thing  # type: ignore[no-any-return]
        finally:
            call.hang_up()
            for what, thing in call.rest():
                if what == "event":
                    tokens.hear(thing)
            aloud.end()
            if tokens.known:
                self.booked(tokens.cost(str(request["model"])))

    def _next(self, call: _Call) -> tuple[str, Any]:
        while True:
            if self.stopped.is_set():
                raise NoProposal("stopped")
            if time.monotonic() > self.until:
                raise NoProposal("there was no proposal before its time was over")
            with suppress(queue.Empty):
                return call.said.get(timeout=0.1)

    def _fault(self, error: Exception) -> Exception:
        """What an error of the SDK means: to be asked again, or the end."""
        if isinstance(error, anthropic.APIStatusError):
            if _again(error):
                return Broken(f"the server answered {_status(error)}", _after(error))
            return final(error, self.hidden)
        if isinstance(error, anthropic.APIConnectionError):
            cause = error.__cause__
            return Broken(f"no connection ({line(self.hidden(str(cause or error)), 120)})")
        if isinstance(error, anthropic.AnthropicError):
            return CannotPropose(line(self.hidden(f"the request could not be made: {error}"), 400))
        return Broken(f"the answer broke off ({type(error).__name__})")


class _Call:
    """A request under way in a thread of its own, so that a stop need not wait for the server's next word.

    What arrives is put into `said`: ("event", E) each, then ("end", the message) or ("error", the exception).
    """

    def __init__(self, client: anthropic.Anthropic, request: Mapping[str, Any]) -> None:
        self.said: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._client, self._request = client, request
        self._response: Any = None
        self._over = False
        threading.Thread(target=self._run, name="claude", daemon=True).start()

    def _run(self) -> None:
        try:
            with self._client.messages.stream(**self._request) as stream:
                self._response = stream.response
                if self._over:
                    return
                for event in stream:
                    self.said.put(("event", event))
                self.said.put(("end", stream.get_final_message()))
        except Exception as error:
            self.said.put(("error", error))

    def rest(self) -> Iterator[tuple[str, Any]]:
        """What has arrived and was not yet taken."""
        with suppress(queue.Empty):
            while True:
                yield self.said.get_nowait()

    def hang_up(self) -> None:
        """Let go of the answer: a thread that still waits for more of it is woken by its socket's end."""
        self._over = True
        with suppress(Exception):
            wire = self._response.extensions["network_stream"].get_extra_info("socket")
            if not self._response.is_closed:
                wire.shutdown(socket.SHUT_RDWR)


class _Tokens:
    """Counts the tokens of one answer as the server tells them, which is cumulative."""

    def __init__(self) -> None:
        self.known = False
        self._seen = {"input_tokens": 0, "output_tokens": 0}

    def hear(self, event: Any) -> None:
        usage = event.message.usage if event.type == "message_start" else getattr(event, "usage", None)
        if event.type not in ("message_start", "message_delta") or usage is None:
            return
        self.known = True
        names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        self._seen |= {name: int(count) for name in names if (count := getattr(usage, name, None)) is not None}

    def cost(self, model: str) -> Cost:
        """The tokens as a cost that has no price yet."""
        seen = self._seen
        read, write = seen.get("cache_read_input_tokens", 0), seen.get("cache_creation_input_tokens", 0)
        return Cost(model, 1, seen["input_tokens"], seen["output_tokens"], read, write)


def _speak(aloud: Aloud, event: Any) -> None:
    if event.type == "text":
        aloud.say(event.text)
    elif event.type == "thinking":
        aloud.say(event.thinking, "· ")


def _again(error: anthropic.APIStatusError) -> bool:
    """Whether the same request may be met later, by the rules of the SDK."""
    told = error.response.headers.get("x-should-retry")
    if told in ("true", "false"):
        return told == "true"
    if error.type in RETRY_TYPES:
        return True
    return error.status_code in (408, 409, 429) or error.status_code >= 500


def _after(error: anthropic.APIStatusError) -> float | None:
    """How many seconds the server wants us to wait; None where it does not say."""
    headers = error.response.headers
    with suppress(KeyError, ValueError):
        return float(headers["retry-after-ms"]) / 1000
    with suppress(KeyError, ValueError):
        return float(headers["retry-after"])
    with suppress(KeyError, ValueError, TypeError):
        return max(0.0, email.utils.parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    return None


def _status(error: anthropic.APIStatusError) -> str:
    kind = f" ({str(error.type).replace('_', ' ')})" if error.type else ""
    return f"{error.status_code}{kind}" if error.status_code >= 400 else f"with an error{kind}"


def final(error: anthropic.APIStatusError, hidden: Callable[[str], str]) -> CannotPropose:
    """What a refused request means, and how to mend it, in one line."""
    said = line(hidden(error.api_message or error.message), 300)  # hidden first: what is left of a cut key is not found
    lower = said.lower()
    if error.status_code == 401:
        return CannotPropose(f"the server does not accept the key (401: {said}) — check ANTHROPIC_API_KEY")
    if error.status_code == 402 or error.type == "billing_error" or "credit balance" in lower:
        return CannotPropose(f"the account has no credit left ({said}) — add some, or use another key")
    if error.status_code == 403:
        return CannotPropose(f"the key may not do this (403: {said}) — use a key with access to the model")
    if error.status_code == 413 or "prompt is too long" in lower or "context window" in lower:
        return Overflow(said)
    if error.status_code == 404:
        return CannotPropose(f"the server has no such model or address (404: {said}) — check the model and base_url")
    return CannotPropose(f"the server refused the request ({error.status_code}: {said})")
