"""From the table of routes to HTTP: who may ask, what was asked, and how the answer or the error is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from functools import partial
from http.client import responses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from autoloop_kernel.durable import in_words
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.server import serving
from autoloop_kernel.server.entry import EntryHandler
from autoloop_kernel.server.errors import Refused, one_line, status_of
from autoloop_kernel.server.routes import EVENTS, ROUTES, Route, named
from autoloop_kernel.server.stream import AUTH_RESOURCE, EventsHandler

if TYPE_CHECKING:
    from pydantic import ValidationError

LARGEST = 4 * 2**20
"""How many bytes a body may have."""
THREADS = 16
"""How many requests are answered at a time; one that starts a driver or verifies an export takes a while."""
JUPYTERS = {"token", "_xsrf", "no_track_activity"}
"""Query parameters that are the server's own, not ours."""
LINES = {
    403: "you are not logged in to this server, or not with its token: log in again",
    404: "there is nothing here for a page of another origin: open the server's own address",
    405: "this route does not take that verb: openapi.json lists those that it takes",
}
"""What is told where the server itself refuses, without a word of its own."""

_pool = ThreadPoolExecutor(THREADS, "autoloop-server")


class ArenaHandler(APIHandler):
    """Answers one path of the table, in a thread of its own; every error is one line of JSON.

    The verbs are made by `handlers`, each authenticated, and authorised for what its route does.
    """

    auth_resource = AUTH_RESOURCE

    @property
    def root(self) -> Path:
        """The folder that the server shows, resolved."""
        return Path(self.settings["server_root_dir"]).expanduser().resolve()

    async def answer(self, route: Route, parts: tuple[str, ...]) -> None:
        """Take the request apart, have it answered, and send what came of it."""
        body = b"" if route.method == "GET" else self._body()
        query = None if route.method != "GET" else self._query()
        loop = asyncio.get_running_loop()
        work = partial(_answered, loop, self.root, route, parts, query, body)
        try:
            data = await loop.run_in_executor(_pool, work)
        except AutoloopError as error:
            raise web.HTTPError(status_of(error), "%s", one_line(error, self.root)) from None
        except OSError as error:
            raise web.HTTPError(409, "%s", one_line(in_words(error), self.root)) from error
        self.set_status(route.status)
        self.set_header("Cache-Control", "no-store")
        self.finish(data)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with one line that says what is wrong; what a person cannot mend is told in the server's log alone."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        if isinstance(error, web.HTTPError):
            line = (error.log_message or "") % error.args if error.args else error.log_message or ""
        else:
            line = f"something went wrong in the server ({type(error).__name__}): its log says more"
        self.set_header("Content-Type", "application/json")
        fallback = LINES.get(status_code) or responses.get(status_code, "this request cannot be met")
        self.finish(json.dumps({"message": one_line(line, self.root) or fallback}))

    def _body(self) -> bytes:
        body: bytes = self.request.body
        if len(body) > LARGEST:
            raise web.HTTPError(413, f"this is more than {LARGEST // 2**20} MiB: send less at a time")
        about = Message()
        about["Content-Type"] = self.request.headers.get("Content-Type", "")
        if about.get_content_type() != "application/json":
            raise web.HTTPError(400, "a body is JSON: send it with the content type application/json")
        return body

    def _query(self) -> Mapping[str, str]:
        """The query's parameters; the numbers that JupyterLab appends lest an answer be cached are none."""
        given = self.request.query_arguments
        ours = [name for name, values in given.items() if name not in JUPYTERS and not _is_stamp(name, values)]
        if twice := [name for name in ours if len(given[name]) > 1]:
            raise web.HTTPError(400, "%s", f"{twice[0]!r} is given twice: give it once")
        try:  # tornado's own way to read them would turn control characters into blanks
            return {name: given[name][0].decode() for name in ours}
        except UnicodeDecodeError:
            raise web.HTTPError(400, "the query is not UTF-8: encode it so") from None


class UnknownHandler(ArenaHandler):
    """Whatever else is asked for below `autoloop/api/`: refused, once it is known that the one who asks may know."""

    @web.authenticated
    async def get(self, *parts: str) -> None:
        """Say that there is nothing here."""
        raise web.HTTPError(404, "there is no such route: openapi.json lists them")

    head = post = put = patch = delete = get


def handlers(base_url: str) -> list[tuple[str, type[web.RequestHandler]]]:
    """What is to be added to a server at `base_url`: a handler a path, and one for what there is not."""
    paths: dict[str, list[Route]] = {}
    for route in ROUTES:
        paths.setdefault(route.pattern, []).append(route)
    made: list[tuple[str, type[web.RequestHandler]]] = [
        (_below(base_url, pattern), _handler(routes)) for pattern, routes in paths.items()
    ]
    made += [(_below(base_url, EVENTS.path), EventsHandler), (_below(base_url, ".*"), UnknownHandler)]
    return [*made, (str(url_path_join(base_url, "autoloop", "lab", "(.+)")), EntryHandler)]


def _below(base_url: str, pattern: str) -> str:
    return str(url_path_join(base_url, "autoloop", "api", pattern))


def _handler(routes: list[Route]) -> type[web.RequestHandler]:
    """A handler class with one verb a route."""
    return type("ArenaHandler", (ArenaHandler,), {route.method.lower(): _verb(route) for route in routes})


def _verb(route: Route) -> Any:
    async def verb(self: ArenaHandler, *parts: str) -> None:
        await self.answer(route, parts)

    allowed: Any = authorized(action=route.action, resource=AUTH_RESOURCE)
    return web.authenticated(allowed(verb))


def _is_stamp(name: str, values: list[bytes]) -> bool:
    return name.isdigit() and values == [b""]


def _answered(
    loop: asyncio.AbstractEventLoop,
    root: Path,
    route: Route,
    parts: tuple[str, ...],
    query: Mapping[str, str] | None,
    body: bytes,
) -> bytes:
    """The answer as JSON; raises `AutoloopError`. Runs in a thread, where importing and reading hold up nobody."""
    from pydantic import ValidationError

    from autoloop_kernel.quickly import import_jsonschema

    import_jsonschema()
    serving.within(loop)
    model = named(route.takes)
    try:
        asked = model.model_validate_json(body) if query is None else model.model_validate(query)
    except ValidationError as error:
        raise Refused(400, _first(error)) from None
    values = {name: int(part) if name == "number" else part for name, part in zip(route.parameters, parts, strict=True)}
    data = named(route.call)(root, asked, **values)
    return _encoded(data)


def _encoded(data: Any) -> bytes:
    """JSON in pure ASCII (an agent's text may hold what UTF-8 cannot); NaN and infinities are null."""
    try:
        return json.dumps(data, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError):
        from autoloop_kernel.views.rows import clean

        return json.dumps(clean(data), allow_nan=False, separators=(",", ":")).encode()


def _first(error: ValidationError) -> str:
    """The first thing that is wrong with what was sent, in one line."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part)[:60] for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{where!r} is not known here: leave it out"
    if first["type"] == "missing":
        return f"{where!r} is missing: give it"
    what = first["msg"][:1].lower() + first["msg"][1:]
    return f"{where}: {what}" if where else f"the body is not as described in openapi.json: {what}"
