"""The description of the server (OpenAPI 3.1), made from the table of routes and the models that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autoloop_kernel import __version__
from autoloop_kernel.server import answers, bodies
from autoloop_kernel.server.routes import EVENTS, PARTS, ROUTES, Route, named

ERRORS = {
    400: "Malformed, or no JSON by its content type: the line says what",
    401: "Not logged in",
    403: "Not allowed: no or a wrong token, no XSRF token, or a path outside the server's root",
    404: "No such arena, iteration, proposal or route; or a page of another origin asks",
    409: "It cannot be done as things stand: the line says why",
    413: "The body is too large",
    500: "Something went wrong in the server, whose log says more",
}
COMPONENTS = "#/components/schemas/{model}"
Schema = dict[str, Any]


def answer(root: Path, asked: bodies.Nothing) -> Schema:
    """The description, as the route `openapi.json` gives it."""
    return describe()


def describe() -> Schema:
    """The description: paths are relative to `<base_url>autoloop/api/`."""
    paths: dict[str, Schema] = {}
    for route in (*ROUTES, EVENTS):
        paths.setdefault(f"/{route.path}", {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Autoloop", "version": __version__, "summary": "The loop beside the notebook"},
        "servers": [{"url": ".", "description": "Relative to this document"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route) -> Schema:
    model = named(route.takes)
    found: Schema = {
        "operationId": (route.call or "stream.events").partition(".")[2],
        "summary": route.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": _part(name)} for name in route.parameters
        ],
        "responses": _responses(route),
    }
    if route.method == "GET":
        found["parameters"] += _query(model)
    else:
        body = {"application/json": {"schema": {"$ref": COMPONENTS.format(model=_name(model))}}}
        found["requestBody"] = {"required": True, "content": body}
    return found


def _responses(route: Route) -> Schema:
    model = named(route.gives)
    content = {"application/json": {"schema": {"$ref": COMPONENTS.format(model=_name(model))}}}
    good: Schema = {"description": (model.__doc__ or "").strip()}
    if route.status != 101:
        good["content"] = content
    error = {"application/json": {"schema": {"$ref": COMPONENTS.format(model=_name(answers.Problem))}}}
    bodiless = {413} if route.method == "GET" else set()
    return {str(route.status): good} | {
        str(status): {"description": text, "content": error}
        for status, text in ERRORS.items()
        if status not in bodiless
    }


def _part(name: str) -> Schema:
    if name == "number":
        return {"type": "integer", "minimum": 0, "maximum": 999_999_999}
    return {"type": "string", "pattern": f"^{PARTS[name]}$"}


def _query(model: Any) -> list[Schema]:
    schema = model.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": about}
        for name, about in schema.get("properties", {}).items()
    ]


def _name(model: Any) -> str:
    """Models of requests and answers may share a name: each has the room in front that it is of."""
    return f"{model.__module__.split('.')[2]}.{model.__name__}"


def _schemas() -> Schema:
    models = {named(route.gives) for route in ROUTES} | {answers.Problem}
    models |= {named(route.takes) for route in ROUTES if route.method != "GET"}
    found: dict[str, Schema] = {}
    for model in models:
        about = model.model_json_schema(ref_template="#/components/schemas/" + _name(model) + ".{model}")
        parts = about.pop("$defs", {})
        found[_name(model)] = about
        found |= {f"{_name(model)}.{name}": part for name, part in parts.items()}
    return dict(sorted(found.items()))
