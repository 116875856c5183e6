"""The agent `claude`: one conversation a proposal, made anew from the ledger, with tools and a bill."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import anthropic
from anthropic.types import Message, MessageParam, TextBlockParam, ToolResultBlockParam
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from autoloop_kernel.agents.base import CannotPropose, Context, NoProposal, Unaffordable
from autoloop_kernel.agents.claude import keys, prompt
from autoloop_kernel.agents.claude.conversation import Line, Overflow
from autoloop_kernel.agents.claude.fence import line as one_line
from autoloop_kernel.agents.claude.prices import PRICES, cost_of, family, price_of, total
from autoloop_kernel.agents.claude.tools import Desk, schemas
from autoloop_kernel.records import AutoloopError, Cost, Proposal

MODEL = "claude-opus-5-5"
READ_S = 600.0
"""How long a server may be silent before the request counts as lost."""

REMINDERS = 2
"""How many answers without the use of a tool are met with a reminder."""

WITHOUT_ADAPTIVE = ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5")
"""The known models that cannot decide by themselves how much to think."""


class Options(BaseModel):
    """What can be chosen; as in `claude:MODEL,effort=high,max_cost=5`."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(MODEL, min_length=1)
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    base_url: str | None = None
    max_cost: float | None = Field(None, gt=0, allow_inf_nan=False)
    max_turns: int = Field(30, ge=1)
    max_tokens: int = Field(32_000, ge=256)
    timeout: float = Field(1800.0, gt=0, allow_inf_nan=False)
    retries: int = Field(5, ge=0)
    prices: str = ""

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "http://none")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("give an address such as http://127.0.0.1:8080")
        if parts.username or parts.password:
            raise ValueError("leave the password out of the address: a key comes from the environment")
        return value


class ClaudeAgent:
    """Claude as a researcher, through the Messages API of Anthropic, or of any server at `base_url` that speaks it.

    `model` and `effort` are the API's; `max_cost` bounds in dollars what this object spends, together with each
    `another`, `max_turns` the answers and `timeout` the seconds of one proposal, `max_tokens` one answer; `prices`
    (INPUT/OUTPUT or INPUT/OUTPUT/READ/WRITE, dollars per million tokens) overrides the known ones. Raises
    `AutoloopError`, with how to mend it, where an option is wrong or there is no key.
    """

    def __init__(self, **options: Any) -> None:
        self.options = _options(options)
        self.price = price_of(self.options.model, self.options.prices)
        if self.options.max_cost is not None and self.price is None:
            raise AutoloopError(self._unpriced())
        own = [self.options.model] if "model" in self.options.model_fields_set else []
        own += [f"effort={self.options.effort}"] if self.options.effort else []
        self.name = ":".join(["claude", *([",".join(own)] if own else [])])
        self._key = keys.find(optional=self.options.base_url is not None)
        self._stopped = threading.Event()
        self._spent: list[Cost] = []

    @property
    def refuses_bound(self) -> str | None:
        """Why no --max-cost can be kept with this agent, in one line; None where it can."""
        return self._unpriced() if self.price is None else None

    def _unpriced(self) -> str:
        return (
            f"no price of {self.options.model} is known, so that no --max-cost can be kept — give it, in dollars per "
            f"million tokens: claude:{self.options.model},prices=INPUT/OUTPUT"
        )

    def another(self) -> ClaudeAgent:
        """One more of the same, to be asked at the same time: what both spend counts against one `max_cost`."""
        one = copy.copy(self)
        one._stopped = threading.Event()
        return one

    def stop(self) -> None:
        """End a `propose` that is under way in another thread, at once: it raises `NoProposal`."""
        self._stopped.set()

    def propose(self, context: Context) -> Proposal:
        """Hold one conversation and give the proposal that it ends in; what it cost is charged however it ends.

        Raises `NoProposal` with the reason where there is none, and `CannotPropose` where no further asking helps.
        """
        self._stopped.clear()

        def booked(tokens: Cost) -> None:
            """Charge each request at once: others who think meanwhile see it, and so does who comes after a kill."""
            cost = cost_of(tokens, self.price)
            self._spent.append(cost)
            context.charge(cost)

        with self._client() as client:
            line = Line(
                client=client,
                stopped=self._stopped,
                until=time.monotonic() + self.options.timeout,
                retries=self.options.retries,
                emit=context.emit,
                booked=booked,
                affordable=lambda: self._afford(context),
                hidden=self._key.hidden_in,
            )
            return self._converse(line, context)

    def _afford(self, context: Context) -> None:
        """Raise `Unaffordable` where the money for another request is spent."""
        left, own = context.left(), self.options.max_cost
        if left is not None and self.price is None:
            raise CannotPropose(self._unpriced())
        if left is not None and left <= 0:
            raise Unaffordable("what --max-cost allows is spent")
        if own is not None and (total("", self._spent).dollars or 0.0) >= own:
            raise Unaffordable(f"its max_cost of ${own:g} is spent")

    def _client(self) -> anthropic.Anthropic:
        """A client without retries of its own: those wait where a stop cannot reach them."""
        key = self._key
        return anthropic.Anthropic(
            api_key=key.api_key or (None if key.auth_token else "none"),
            auth_token=key.auth_token or None,
            base_url=self.options.base_url,
            timeout=anthropic.Timeout(READ_S, connect=15.0),
            max_retries=0,
        )

    def _converse(self, line: Line, context: Context) -> Proposal:
        name = self.name if context.role is None else context.role.of(self.name)
        desk = Desk(context, name, crash := prompt.repairable(context, name))
        fixed = self._request(context)
        messages: list[MessageParam] = [{"role": "user", "content": prompt.opening(context, crash)}]
        silent = 0
        for turn in range(self.options.max_turns):
            try:
                answer = line.ask({**fixed, "messages": _marked(messages)})
                _must_go_on(answer)
            except Overflow:
                if not turn:
                    raise
                raise NoProposal(
                    f"its conversation no longer fits into the model's context, after {turn} answers"
                ) from None
            if content := [_block(block) for block in answer.content if block.type != "text" or block.text.strip()]:
                messages.append({"role": "assistant", "content": content})
            results = self._results(desk, answer, context)
            if desk.proposal is not None:
                return desk.proposal
            last = self.options.max_turns - turn - 1
            if not results:
                silent += 1
                if silent > REMINDERS:
                    raise NoProposal("Claude ended its answer without a proposal")
            said = _reminder(answer, bool(results), last)
            messages.append({"role": "user", "content": [*results, *([_text(said)] if said else [])]})
        raise NoProposal(f"Claude made no proposal in {self.options.max_turns} answers")

    def _results(self, desk: Desk, answer: Message, context: Context) -> list[ToolResultBlockParam]:
        """Use the tools that the answer asks for; of an answer that was cut off nothing is done."""
        cut = answer.stop_reason == "max_tokens"
        results: list[ToolResultBlockParam] = []
        for block in answer.content:
            if block.type != "tool_use":
                continue
            if cut:
                text, error = f"your answer was cut off at {self.options.max_tokens} tokens: nothing was done", True
            else:
                used = desk.use(block.name, block.input)
                text, error = used.text, used.error
                context.emit(self._key.hidden_in(_shown(block.name, block.input, error, text)))
            results.append({"type": "tool_result", "tool_use_id": block.id, "content": text, "is_error": error})
        return results

    def _request(self, context: Context) -> dict[str, Any]:
        """What is the same in every request of this conversation."""
        options = self.options
        request: dict[str, Any] = {
            "model": options.model,
            "max_tokens": options.max_tokens,
            "system": prompt.system(context),
            "tools": schemas(),
        }
        known = family(options.model)
        if known in PRICES and known not in WITHOUT_ADAPTIVE:
            # Shown in short, since the newer models keep their thinking to themselves unless they are asked.
            request["thinking"] = {"type": "adaptive", "display": "summarized"}
        if options.effort is not None:
            request["output_config"] = {"effort": options.effort}
        return request


def claude(spec: str) -> ClaudeAgent:
    """The agent that `claude`, `claude:MODEL` or `claude:MODEL,effort=high,max_cost=5` names."""
    _, _, rest = spec.partition(":")
    options: dict[str, str] = {}
    for place, part in enumerate(filter(None, (one.strip() for one in rest.split(",")))):
        name, equals, value = part.partition("=")
        if not equals and place:
            raise AutoloopError(f"{part!r} is no option of claude — write for example claude:{MODEL},effort=high")
        options |= {name.strip(): value.strip()} if equals else {"model": part}
    return ClaudeAgent(**options)


def _options(given: Mapping[str, Any]) -> Options:
    try:
        return Options(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            names = ", ".join(Options.model_fields)
            raise AutoloopError(f"claude has no option {name!r} — there is {names}") from None
        raise AutoloopError(f"claude: {name}={first.get('input')!r}: {first['msg']}") from None


def _marked(messages: list[MessageParam]) -> list[MessageParam]:
    """The messages with a mark for the cache at the end of the last, so that each turn reads the turns before it."""
    *before, last = messages
    blocks: Any = list(last["content"])
    blocks[-1] = {**blocks[-1], "cache_control": {"type": "ephemeral"}}
    return [*before, {"role": "user", "content": blocks}]


def _must_go_on(answer: Message) -> None:
    """Raise where the answer is no step of a conversation that can go on."""
    if answer.stop_reason == "refusal":
        why = f" ({answer.stop_details.category})" if answer.stop_details and answer.stop_details.category else ""
        raise NoProposal(f"Claude declined to answer{why}")
    if answer.stop_reason == "model_context_window_exceeded":
        raise Overflow("the answer did not fit")


def _text(said: str) -> TextBlockParam:
    return {"type": "text", "text": said}


def _block(block: Any) -> Any:
    """A block of an answer as it is sent back: as it came, thinking and its signature included."""
    return block.model_dump(mode="json", exclude_none=True, exclude={"parsed_output"})


def _reminder(answer: Message, used: bool, last: int) -> str:
    """What is said beside the answers of the tools, where anything needs to be."""
    if answer.stop_reason == "max_tokens":
        return "Your answer was cut off. Say less, and use edit rather than rewrite for small changes."
    if not used:
        return "You have not proposed yet: use the tools, and end with propose."
    return f"{last} answers are left: propose now." if last <= 2 else ""


def _shown(name: str, given: Any, error: bool, text: str) -> str:
    """One line for the faces on the use of a tool."""
    about = given if isinstance(given, dict) else {}
    what = next((str(about[key]) for key in ("unit", "number", "text", "title") if key in about), "")
    came = f": {text.splitlines()[0]}" if error and text else ""
    return one_line(f"→ {name} {what}{came}", 300)
