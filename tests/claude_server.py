"""A server on 127.0.0.1 that speaks the Messages API on the wire, plays scripted answers and keeps the books.

Every request is held against the SDK's own types and the rules of a conversation with tools; what is wrong with one is
answered with status 400, and kept in `faults`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from anthropic.types.message_create_params import MessageCreateParamsStreaming
from pydantic import TypeAdapter, ValidationError

KEY = "sk-ant-test-0123456789abcdef-SECRET"
PARAMS = TypeAdapter(MessageCreateParamsStreaming)
FIELDS = set(MessageCreateParamsStreaming.__annotations__)
for base in MessageCreateParamsStreaming.__orig_bases__:
    FIELDS |= set(getattr(base, "__annotations__", ()))


@dataclass
class Say:
    """An answer: blocks ("text", T), ("thinking", T), ("tool", NAME, INPUT) or ("raw", NAME, JSON TEXT).

    `cut` breaks it off after so many events: with an `error` event of that type where `error` is given, else by closing
    the connection. `hang` keeps it open, silent, from its fifth event on, until the server ends.
    """

    blocks: tuple[tuple[Any, ...], ...]
    stop: str = ""
    cut: int | None = None
    error: str = ""
    hang: bool = False


@dataclass
class Fault:
    """An answer with an error status."""

    status: int
    type: str
    message: str = "as scripted"
    headers: dict[str, str] = field(default_factory=dict)


Item = Say | Fault


def tool(name: str, **given: Any) -> tuple[Any, ...]:
    return ("tool", name, given)


def say(*blocks: tuple[Any, ...] | str, **more: Any) -> Say:
    return Say(tuple(("text", block) if isinstance(block, str) else block for block in blocks), **more)


def propose(title: str = "a smaller X", **more: Any) -> tuple[Any, ...]:
    told = {"hypothesis": "it helps", "expected_effect": "less by 1", "refuted_by": "a larger score"}
    return tool("propose", **{"title": title, **told, **more})


class ClaudeServer:
    """Plays `script` (items, or functions of the request that give one), one a request; `url` is its address."""

    def __init__(self, *script: Item | Callable[[dict[str, Any]], Item]) -> None:
        self.script = list(script)
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[str] = []
        self.usage = {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
        }
        self.over = threading.Event()
        self.reached = threading.Event()
        self._held: dict[str, int] = {}
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                server.answer(self, body)

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> ClaudeServer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, http: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        with self._lock:
            number = len(self.requests)
            self.requests.append(body)
            self.headers.append({name.lower(): value for name, value in http.headers.items()})
        given = http.headers.get("x-api-key") or http.headers.get("authorization", "").removeprefix("Bearer ")
        wrong = "" if http.path == "/v1/messages" else f"there is no {http.path}"
        wrong = wrong or faults(body)
        if given != KEY:
            item: Item = Fault(401, "authentication_error", f"invalid key {given}")
        elif wrong:
            self.faults.append(wrong)
            item = Fault(400, "invalid_request_error", wrong)
        elif number < len(self.script):
            scripted = self.script[number]
            item = scripted(body) if callable(scripted) else scripted
        else:
            self.faults.append("the script is over")
            item = Fault(400, "invalid_request_error", "the script is over")
        if isinstance(item, Fault):
            self._fail(http, item)
        else:
            self._stream(http, body, item)

    def _fail(self, http: BaseHTTPRequestHandler, fault: Fault) -> None:
        text = json.dumps({"type": "error", "error": {"type": fault.type, "message": fault.message}}).encode()
        http.send_response(fault.status)
        for name, value in {"content-type": "application/json", "request-id": "req_1", **fault.headers}.items():
            http.send_header(name, value)
        http.send_header("content-length", str(len(text)))
        http.end_headers()
        http.wfile.write(text)

    def _stream(self, http: BaseHTTPRequestHandler, body: dict[str, Any], item: Say) -> None:
        http.send_response(200)
        http.send_header("content-type", "text/event-stream; charset=utf-8")
        http.send_header("transfer-encoding", "chunked")
        http.end_headers()
        read = self._read(body)
        events = list(_events(body["model"], item, read))
        for place, event in enumerate(events):
            if place == item.cut:
                if item.error:
                    _send(http, "error", {"type": "error", "error": {"type": item.error, "message": "Overloaded"}})
                    break
                http.close_connection = True
                return
            self._book(event)
            try:
                _send(http, event["type"], event)
            except OSError:
                return
            if item.hang and place == 4:
                self.reached.set()
                self.over.wait(60)
                http.close_connection = True
                return
        http.wfile.write(b"0\r\n\r\n")

    def _book(self, event: dict[str, Any]) -> None:
        """Count what has been told to the client: cumulative within an answer, as the API does."""
        if event["type"] == "message_start":
            for name, count in event["message"]["usage"].items():
                self.usage[name] += count
        if event["type"] == "message_delta":
            self.usage["output_tokens"] += event["usage"]["output_tokens"] - 1

    def _read(self, body: dict[str, Any]) -> dict[str, int]:
        """The tokens that the request takes: read from the cache, written to it, and neither."""
        prefixes, whole = _prefixes(body)
        held = max((count for key, count in prefixes if key in self._held), default=0)
        longest = max((count for _, count in prefixes), default=0)
        self._held |= dict(prefixes)
        return {
            "input_tokens": whole - longest,
            "cache_read_input_tokens": held,
            "cache_creation_input_tokens": longest - held,
        }


def _prefixes(body: dict[str, Any]) -> tuple[list[tuple[str, int]], int]:
    """(hash, tokens) of the prompt up to each block that is marked for the cache, and the tokens of all of it."""
    blocks: list[Any] = list(body.get("tools", [])) + list(body.get("system", []))
    for message in body["messages"]:
        blocks += [{"role": message["role"], **block} for block in message["content"]]
    digest, size, found = hashlib.sha256(), 0, []
    for block in blocks:
        text = json.dumps({key: value for key, value in block.items() if key != "cache_control"}, sort_keys=True)
        digest.update(text.encode())
        size += len(text)
        if "cache_control" in block:
            found.append((digest.hexdigest(), size // 4))
    return found, size // 4


def _send(http: BaseHTTPRequestHandler, name: str, data: dict[str, Any]) -> None:
    text = f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
    http.wfile.write(f"{len(text):x}\r\n".encode() + text + b"\r\n")
    http.wfile.flush()


def _events(model: str, item: Say, read: dict[str, int]) -> Iterator[dict[str, Any]]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": model}
    usage = {**read, "output_tokens": 1}
    yield {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}}
    yield {"type": "ping"}
    size = 0
    for place, block in enumerate(item.blocks):
        start, deltas = _block(place, block)
        yield {"type": "content_block_start", "index": place, "content_block": start}
        for delta in deltas:
            size += len(json.dumps(delta))
            yield {"type": "content_block_delta", "index": place, "delta": delta}
        yield {"type": "content_block_stop", "index": place}
    uses = any(block[0] in ("tool", "raw") for block in item.blocks)
    stop = item.stop or ("tool_use" if uses else "end_turn")
    told = {"stop_reason": stop, "stop_sequence": None}
    yield {"type": "message_delta", "delta": told, "usage": {"output_tokens": 1 + size // 4}}
    yield {"type": "message_stop"}


def _block(place: int, block: tuple[Any, ...]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    kind = block[0]
    if kind == "text":
        return {"type": "text", "text": ""}, [{"type": "text_delta", "text": bit} for bit in _bits(block[1])]
    if kind == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": bit} for bit in _bits(block[1])]
        return {"type": "thinking", "thinking": "", "signature": ""}, [
            *deltas,
            {"type": "signature_delta", "signature": signature(block[1])},
        ]
    text = block[2] if kind == "raw" else json.dumps(block[2])
    start = {"type": "tool_use", "id": f"toolu_{place}", "name": block[1], "input": {}}
    return start, [{"type": "input_json_delta", "partial_json": bit} for bit in ["", *_bits(text)]]


def _bits(text: str) -> list[str]:
    return [text[at : at + 12] for at in range(0, len(text), 12)]


def signature(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def faults(body: dict[str, Any]) -> str:
    """What is wrong with a request, by the SDK's types and the API's rules; empty where nothing is."""
    unknown = set(body) - FIELDS - {"model", "max_tokens", "messages"}
    if unknown:
        return f"unknown fields: {sorted(unknown)}"
    try:
        _consume(PARAMS.validate_python(body, strict=True))
    except ValidationError as error:
        return f"not of the SDK's types: {error}"
    if body.get("stream") is not True:
        return "it does not stream"
    marks = json.dumps(body).count('"cache_control"')
    if marks > 4:
        return f"a maximum of 4 blocks with cache_control may be provided, found {marks}"
    if body.get("tool_choice", {}).get("type") in ("any", "tool"):
        return "forced use of tools is not possible with this model"
    return _talk(body["messages"])


def _consume(value: Any) -> None:
    """Walk through all of a validated value: pydantic validates what can be iterated over only then."""
    if isinstance(value, dict):
        for one in value.values():
            _consume(one)
    elif not isinstance(value, (str, bytes, int, float, type(None))):
        for one in value:
            _consume(one)


def _talk(messages: list[dict[str, Any]]) -> str:
    """What is wrong with the order of a conversation."""
    asked: list[str] = []
    for message in messages:
        blocks = message["content"]
        if not blocks or any(block["type"] == "text" and not block["text"].strip() for block in blocks):
            return "messages: text content blocks must be non-empty"
        if asked:
            heads = [block.get("tool_use_id") for block in blocks[: len(asked)]]
            if message["role"] != "user" or heads != asked:
                return f"tool_use ids were found without tool_result blocks immediately after: {asked}"
        if any(block["type"] == "thinking" and block["signature"] != signature(block["thinking"]) for block in blocks):
            return "thinking blocks cannot be modified"
        asked = [block["id"] for block in blocks if block["type"] == "tool_use"]
    if messages[-1]["role"] != "user":
        return "the conversation must end with a user message"
    return ""
