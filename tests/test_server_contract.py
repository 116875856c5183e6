"""The description, the models behind it, and the front end's types say the same."""

import dataclasses
import re
from pathlib import Path

import jsonschema
import pytest
from pydantic import BaseModel

from autoloop_kernel.records import Sharing, Taken
from autoloop_kernel.server import answers, bodies
from autoloop_kernel.server.openapi import describe
from autoloop_kernel.server.routes import EVENTS, ROUTES, named
from autoloop_kernel.views.workers import Run

WIRE = (Path(__file__).parent.parent / "extension" / "src" / "wire.ts").read_text(encoding="utf-8")
TWINS = {
    "IArenaItem": answers.ArenaItem,
    "IArenas": answers.Arenas,
    "IAttempt": answers.Attempt,
    "IChange": answers.Change,
    "ICheck": answers.Check,
    "IDriver": answers.Driver,
    "IExchange": answers.Exchange,
    "IFlight": answers.Flight,
    "IFlying": answers.Flying,
    "IImport": answers.Import,
    "IImportChoice": answers.ImportChoice,
    "IIsland": answers.Island,
    "IMark": answers.Mark,
    "IMetric": answers.Metric,
    "IPage": answers.Page,
    "IPlan": answers.Plan,
    "IPoint": answers.Point,
    "IProposal": answers.Proposal,
    "IRow": answers.Row,
    "ISaid": answers.Said,
    "ISeconds": answers.Seconds,
    "ISources": answers.Sources,
    "IState": answers.State,
    "ITemplate": answers.Template,
    "IWaiting": answers.Waiting,
    "IWorker": answers.Worker,
}


def fields(name: str) -> set[str]:
    """The fields that wire.ts gives an interface, those of what it extends included."""
    found = re.search(rf"export interface {name}(?: extends (\w+))? {{(.*?)\n}}", WIRE, re.DOTALL)
    assert found, f"wire.ts has no {name}"
    own = set(re.findall(r"^  (\w+)\??:", found[2], re.MULTILINE))
    return own | (fields(found[1]) if found[1] else set())


@pytest.mark.parametrize("name", TWINS)
def test_an_answer_has_the_fields_that_the_front_end_knows(name):
    assert set(TWINS[name].model_fields) == fields(name)


@pytest.mark.parametrize(("name", "record"), [("IWorkerRun", Run), ("ISharing", Sharing), ("ITaken", Taken)])
def test_a_record_that_is_told_as_it_is_has_the_fields_that_the_front_end_knows(name, record):
    assert {field.name for field in dataclasses.fields(record)} == fields(name)


def test_a_detail_has_the_fields_that_the_front_end_knows():
    assert set(answers.Detail.model_fields) == fields("IDetail")
    assert {"arena", "metric", "base_score", "log"} <= fields("IDetail")


def test_verdicts_and_states_are_those_of_the_front_end():
    def words(name):
        return set(re.findall(r"'(\w+)'", re.search(rf"export type {name} =(.*?);", WIRE, re.DOTALL)[1]))

    assert words("Verdict") == set(answers.Verdict.__args__)
    assert words("Standing") == set(answers.Standing.__args__)


def test_every_route_names_what_there_is():
    for route in ROUTES:
        assert callable(named(route.call))
        assert issubclass(named(route.takes), bodies.Query if route.method == "GET" else bodies.Body)
        assert issubclass(named(route.gives), BaseModel)
        assert route.action in ("read", "write", "execute")
        assert (route.action == "read") == (route.method == "GET")
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    assert issubclass(named(EVENTS.takes), bodies.Query)


def test_the_description_is_whole():
    about = describe()
    assert about["openapi"].startswith("3.1")
    assert len([verb for path in about["paths"].values() for verb in path]) == len(ROUTES) + 1
    schemas = about["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    references = set(re.findall(r"'\$ref': '#/components/schemas/([^']+)'", str(about)))
    assert references <= set(schemas)
    for path, verbs in about["paths"].items():
        for operation in verbs.values():
            named_in_path = set(re.findall(r"{(\w+)}", path))
            assert {p["name"] for p in operation["parameters"] if p["in"] == "path"} == named_in_path
            assert {"403", "404", "500"} <= set(operation["responses"])
            assert operation["summary"]
    operations = [operation["operationId"] for verbs in about["paths"].values() for operation in verbs.values()]
    assert len(set(operations)) == len(operations)
