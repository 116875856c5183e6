"""The routes against their own description: whatever is sent, what comes back is what the description says.

Requests are drawn from the description's schemas, right ones and wrong ones, by a generator with a fixed seed. A real
lease is held on the arena, and its commands are answered, so that nothing has to be run.
"""

import json
import random
import urllib.parse

import jsonschema
import pytest
from played import history
from server_kit import make, serve
from test_server_paths import OUTSIDE

from autoloop_kernel.control import Control
from autoloop_kernel.memory.ledger import Holder, Ledger
from autoloop_kernel.records import Proposal
from autoloop_kernel.server.openapi import describe
from autoloop_kernel.session import LEDGER, open_session

ABOUT = describe()
OPERATIONS = [
    (method, path, operation)
    for path, verbs in ABOUT["paths"].items()
    for method, operation in verbs.items()
    if path != "/events"
]
ROUNDS = 40
FIT = "W = 3\n\n\ndef predict(x):\n    return W * x\n\n\nloss = (predict(2.0) - 4.0) ** 2\nprint('loss:', loss)\n"
KNOWN = {
    "arena": ["sub/game.ipynb", "sub/game.ipynb", "sub/game.ipynb", "sub/broken.ipynb", "sub/none.ipynb", "sub"],
    "path": ["sub/fit.py", "sub/fit.py", "sub/fit.py", "sub/game.ipynb", "sub", "sub/none.py"],
    "score": ["", "loss", "none"],
    "answer": ["", "none", "predict"],
    "editable": [[], ["1"], ["2", "3"], ["9"]],
    "seal": [[], ["none"], ["data.txt"]],
    "number": [1, 2, 3, 4, 5, 6, 0, 99],
    "id": ["w1", "p2", "twice", "none"],
    "template": ["function_min", "none"],
    "folder": ["", "made", "made/deep", "sub/game.ipynb"],
    "out": [
        "sub/winner.ipynb",
        "sub/report.ipynb",
        "winner.ipynb",
        "sub/game.ipynb",
        "sub",
        "none/winner.ipynb",
        "winner.txt",
    ],
    "agents": [["search"], ["search", "search"], ["no.such:thing"], ["command:"], ["nobody"]],
    "units": [{"model": "X = 0.75"}, {"model": "X = (("}, {"none": "X"}, {}],
    "after": [0],
}
"""What is meaningful by the name of a field: from schemas alone no request would ever reach an arena."""
FIXED = {"verify": False}
"""A verification may be a run of minutes; test_export has it."""
STRINGS = [
    "",
    " ",
    "x",
    "é…",
    "<script>",
    "%",
    "'; --",
    "\u202e",
    "\x00",
    "\ud800",
    "a\nb",
    "../..",
    "x" * 5000,
    *OUTSIDE,
]
WRONG = [None, True, 0, -1, 2**70, 1.5, 1e308, "1", "", [], {}, [None], {"a": 1}, "\x00", ["search", 1]]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    path = make(folder / "root" / "sub")
    make(folder / "root" / "sub", "broken.ipynb", budget_s=-1)
    (folder / "root" / "sub" / "fit.py").write_text(FIT)
    make(folder / "outside")
    history(path)
    with open_session(path) as session:
        wait(session.ledger, "w1")
    ledger_path, holder = path.parent / "game_runs" / LEDGER, Holder.mine()
    with Ledger.open(ledger_path) as ledger:
        assert ledger.acquire(holder) is None
    control = Control(ledger_path, holder.token)
    control.start()
    try:
        with serve(folder / "root", folder / "home") as running:
            yield running
    finally:
        control.close()


def wait(ledger, key):
    """Let a proposal of this id wait for a person."""
    source = f"X = {len(ledger.proposals()) / 64}\nsubmit(lambda: np.array(X))"
    ledger.propose(Proposal(f"try {key}", {"model": source}, "", "someone", 5, key), 1, review=True)


def drawn(chance: random.Random, schema: dict, name: str = "", plain: bool = False):
    """A value that fits the schema, more or less: the bounds of texts and lists are not always kept.

    With `plain` a known field gets the first of its meaningful values.
    """
    schema = resolved(schema)
    if name in FIXED:
        return FIXED[name]
    if name in KNOWN and plain:
        return KNOWN[name][0]
    if name in KNOWN and chance.random() < 0.8:
        return chance.choice(KNOWN[name])
    if "anyOf" in schema:
        return drawn(chance, chance.choice(schema["anyOf"]), name, plain)
    if "enum" in schema:
        return chance.choice(schema["enum"])
    kind = schema.get("type")
    if kind == "integer":
        low, high = schema.get("minimum", -5), schema.get("maximum", 50)
        return chance.choice([low, high, chance.randint(low, high), min(high, low + 3)])
    if kind == "number":
        return chance.choice([0.5, 1, 1e-9, -3.25, 1e9])
    if kind == "boolean":
        return chance.random() < 0.5
    if kind == "null":
        return None
    if kind == "array":
        return [drawn(chance, schema.get("items", {})) for _ in range(chance.randint(0, 3))]
    if kind == "object":
        return record(chance, schema, plain)
    return chance.choice(STRINGS)


def record(chance: random.Random, schema: dict, plain: bool) -> dict:
    """An object with all that it needs, and some of what it may have."""
    needed = schema.get("required", [])
    fields = schema.get("properties", {})
    if not fields:
        return {chance.choice(["model", "x"]): drawn(chance, schema.get("additionalProperties", {}))}
    return {
        name: drawn(chance, about, name, plain)
        for name, about in fields.items()
        if name in needed or chance.random() < 0.6
    }


def spoiled(chance: random.Random, body: dict) -> object:
    """A body that is not as described: a field gone, one too many, one of another type, or no object at all."""
    names = list(body)
    how = chance.randrange(4)
    if how == 0 and names:
        gone = chance.choice(names)
        return {name: value for name, value in body.items() if name != gone}
    if how == 1:
        return {**body, chance.choice(STRINGS): chance.choice(WRONG)}
    if how == 2 and names:
        return {**body, chance.choice(names): chance.choice(WRONG)}
    return chance.choice(WRONG)


def resolved(schema: dict) -> dict:
    while "$ref" in schema:
        schema = ABOUT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def request(chance: random.Random, path: str, operation: dict, plain: bool) -> tuple[str, bytes | None]:
    """A path with its query, and a body; with `plain` nothing is spoiled."""
    values = {p["name"]: (p["in"], drawn(chance, p["schema"], p["name"], plain)) for p in operation["parameters"]}
    for name, (place, value) in values.items():
        if place == "path":
            path = path.replace(f"{{{name}}}", urllib.parse.quote(str(value), safe="", errors="replace"))
    query = {name: value for name, (place, value) in values.items() if place == "query" and value is not None}
    if operation["parameters"] and not plain and chance.random() < 0.2:
        query[chance.choice([*query, "more"])] = chance.choice([*STRINGS, "-1", "1e3", "null"])
    query = {name: value for name, value in query.items() if plain or chance.random() < 0.95}
    if query:
        path += "?" + urllib.parse.urlencode(query, errors="replace")
    if "requestBody" not in operation:
        return path[1:], None
    schema = resolved(operation["requestBody"]["content"]["application/json"]["schema"])
    body = record(chance, schema, plain)
    sent = spoiled(chance, body) if not plain and chance.random() < 0.4 else body
    text = json.dumps(sent, ensure_ascii=chance.random() < 0.5)
    return path[1:], text.encode(errors="surrogatepass")


def outside(server):
    """All that lies beside the root, but for the server's own files."""
    folder = server.root.parent / "outside"
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{method} {path}" for method, path, _ in OPERATIONS]
)
def test_whatever_is_sent_the_answer_is_as_described(server, monkeypatch, method, path, operation):
    chance = random.Random(f"{method} {path}")
    if "{id}" in path:
        key = operation["operationId"].replace("_", "-")
        with Ledger.open(server.root / "sub" / "game_runs" / LEDGER) as ledger:
            wait(ledger, key)
        monkeypatch.setitem(KNOWN, "id", [key, *KNOWN["id"]])
    before, beside = outside(server), sorted(server.root.parent.iterdir())
    statuses = set()
    for turn in range(ROUNDS):
        route, body = request(chance, path, operation, plain=turn % 8 == 0)
        answer = server.ask(method.upper(), route, raw=body)
        asked = f"{method} {route} {body!r}"[:2000]
        assert answer.status < 500, f"{asked}: {answer.body!r}\n{server.log()}"
        assert str(answer.status) in operation["responses"], f"{asked}: {answer.status} {answer.body!r}"
        told = operation["responses"][str(answer.status)]["content"]["application/json"]["schema"]
        schema = {**told, "components": ABOUT["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json)
        if answer.status >= 400:
            assert answer.message
        assert str(server.root.parent) not in answer.body.decode(), asked
        statuses.add(answer.status)
    assert any(status < 300 for status in statuses) or path in ("/step", "/auto"), statuses
    assert any(status >= 400 for status in statuses) or not (operation["parameters"] or body), statuses
    assert outside(server) == before
    assert sorted(server.root.parent.iterdir()) == beside


def test_no_path_below_ours_is_ever_answered_by_anything_else(server):
    chance = random.Random("paths")
    pieces = ["iterations", "proposals", "state", "fork", "1", "-1", "p1", "..", "%2e%2e", "%00", "a b", "", "é", "*"]
    for _ in range(150):
        path = "/".join(chance.choice(pieces) for _ in range(chance.randint(1, 5)))
        method = chance.choice(["GET", "POST", "PUT", "DELETE", "PATCH"])
        route = f"{server.api}/{urllib.parse.quote(path, safe='/%*')}"
        answer = server.ask(method, route, {} if method != "GET" else None)
        assert answer.status in (400, 403, 404, 405), (method, path, answer.status)
        if ".." not in path:
            assert set(answer.json) == {"message"}
