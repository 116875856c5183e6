"""Who may import whom: faces → driver → loop → {agents, execution, judging, memory} → arena → cells."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "autoloop_kernel"
FOUNDATION = {"records", "durable", "escapes", "held", "quickly", "executor", "scheduling", "baton"}
MIDDLE = {"agents", "execution", "judging", "memory"}
MAY_IMPORT = {
    "records": set(),
    "quickly": set(),
    "durable": set(),
    "escapes": set(),
    "held": set(),
    "executor": set(),
    "scheduling": set(),
    "baton": set(),
    "wire": set(),
    "card": set(),
    "lending": {"card", "wire"},
    "cells": {"lending", "wire"},  # the first when two kernels need it
    "scoring": set(),
    "datasets": {"scoring"},
    "arena": {"cells", "datasets", "scoring"},
    **{room: {"arena", "cells", "wire"} for room in MIDDLE},
    "session": {"arena", "memory"},
    "barring": {"judging"},
    "proposing": {"arena", "agents", "barring", "memory", "session"},
    "attempts": set(),
    "executed": set(),
    "rulings": {"arena", "judging", "session"},
    "messages": {"memory", "session"},
    "teaching": {"arena", "memory"},
    "pruning": {"arena", "judging", "session"},
    "crew": {"control"},
    "overtaking": {"arena", "rulings", "session"},
    "requeueing": {"overtaking", "session"},
    "gathering": {"arena", "memory", "overtaking", "proposing", "session"},
    "recording": {"arena", "attempts", "proposing", "session", "teaching"},
    "loop": {
        *("arena", "agents", "attempts", "gathering", "messages", "overtaking", "proposing", "pruning", "recording"),
        *("rulings", "session"),
    },
    "auditing": {"judging"},
    "importing": {"arena", "auditing"},
    "control": {"memory"},
    "reviewing": {"arena", "agents", "memory", "session", "proposing"},
    "confirming": {"attempts", "figures", "judging", "loop", "session"},
    "holdout": {"attempts", "loop"},
    "figures": {"judging", "memory"},
    "closing": {"attempts", "confirming", "holdout", "loop", "plan"},
    "drift": {"judging", "loop", "session"},
    "gaps": {"barring", "confirming", "holdout", "judging", "loop", "rescuing"},
    "ablation": {"agents", "arena", "confirming", "figures", "judging", "loop", "proposing", "rulings", "session"},
    "rescuing": {"agents", "barring", "loop", "proposing"},
    "plan": set(),
    "offering": {"arena", "proposing", "session"},
    "exchange": {"arena", "memory", "offering", "plan", "session"},
    "islands": {
        *("agents", "attempts", "closing", "confirming", "judging", "loop", "memory", "overtaking", "proposing"),
        "reviewing",
    },
    "ahead": {"arena", "agents", "session", "plan", "proposing", "loop", "gaps"},
    "turns": {"agents", "ahead", "gaps", "loop", "session"},
    "repeating": {
        "ablation",
        "rescuing",
        "plan",
        "closing",
        "confirming",
        "drift",
        "islands",
        "turns",
        "agents",
        "control",
        "crew",
        "session",
        "proposing",
        "loop",
    },
    "driver": {
        "ablation",
        "holdout",
        "plan",
        "repeating",
        "confirming",
        "exchange",
        "judging",
        "turns",
        "agents",
        "execution",
        "memory",
        "session",
        "proposing",
        "loop",
        "control",
        "reviewing",
        "pruning",
        "requeueing",
        "rulings",
    },
}
FACES = {
    *(
        "cli",
        "commands",
        "views",
        "export",
        "exporting",
        "audit",
        "report",
        "reporting",
        "layout",
        "cleaning",
        "disk",
        "deep",
    ),
    *("workbench", "widgets", "magics", "server"),
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").startswith("autoloop_kernel"):
            parts = (node.module or "").split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            rooms |= {n.name.split(".")[1] for n in node.names if n.name.startswith("autoloop_kernel.")}
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path.name}: relative import"
    return rooms - {"__version__"}


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "templates" not in path.parts)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_follow_the_plan_of_the_house(path):
    room = room_of(path)
    if room in FACES or room == "__main__":
        return
    if room == "__init__":
        return
    allowed = (
        MAY_IMPORT[room]
        | {room}
        | (FOUNDATION if room not in {"wire", "card", "lending", "cells", "scoring"} else set())
    )
    assert imported(path) <= allowed, f"{room} may import {sorted(allowed)}"


def test_the_package_itself_imports_nothing():
    def loaded(statements):
        for node in statements:
            if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
                yield from loaded(node.orelse)
            elif not isinstance(node, ast.FunctionDef):
                yield from (n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom))

    body = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")).body
    assert not list(loaded(body)), (
        "kernels with numpy alone import the package: its public names are found when asked for"
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_room_but_the_faces_imports_a_face(path):
    if room_of(path) not in FACES | {"__main__", "__init__"}:
        assert not imported(path) & FACES


def test_what_arena_cells_import_needs_numpy_alone():
    outside = {"numpy"}
    light = [
        *(PACKAGE / f"{name}.py" for name in ("cells", "lending", "card", "wire")),
        *(PACKAGE / "scoring").glob("*.py"),
    ]
    for path in light:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            heads = {name.split(".")[0] for name in names} - {"autoloop_kernel", "__future__"}
            third = {head for head in heads if head not in __import__("sys").stdlib_module_names}
            assert third <= outside, f"{path.name} imports {third}"
