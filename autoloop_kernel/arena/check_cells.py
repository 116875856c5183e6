"""What can be wrong with an arena's cells: their tags, names and sources, one by one and all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nbformat import NotebookNode

from autoloop_kernel.arena.load import Problem, is_name, name_of, where
from autoloop_kernel.arena.roles import CODE_TAGS, INJECTED, TAGS, Role, in_candidate, role_of, tags_of
from autoloop_kernel.arena.settings import near
from autoloop_kernel.arena.source import calls, fault

EXECUTION_TAGS = {
    "skip-execution": "would not be run, yet count as completed",
    "raises-exception": "would go on after an error",
    "papermill-error-cell-tag": "is a mark that papermill left behind",
}
_ROLE_NAMES = tuple(role.value for role in TAGS)


def check_cells(cells: Sequence[NotebookNode], has_files: bool) -> list[Problem]:
    """Every problem of the cells; `has_files` says that the arena names editable files as well."""
    problems = []
    for position, cell in enumerate(cells):
        problems += _tags(where(position, cell), cell)
        problems += _name(where(position, cell), cell)
        if cell.cell_type == "code" and role_of(cell) is not Role.WORKBENCH:
            reason = fault(cell.source)
            if reason:
                problems.append(Problem(where(position, cell), reason, "mend the code, or tag the cell `workbench`"))
    return problems + _names(cells) + _counts(cells, has_files) + _calls(cells, has_files)


def _tags(place: str, cell: NotebookNode) -> list[Problem]:
    tags = tags_of(cell)
    roles = [tag for tag in dict.fromkeys(tags) if tag in _ROLE_NAMES]
    problems = []
    if len(roles) > 1 or (roles and "locked" in tags):
        both = " and ".join([*roles, "locked"] if "locked" in tags else roles)
        problems.append(Problem(place, f"carries contradictory tags: {both}", "leave one role on it"))
    for tag in roles:
        if tag == Role.STRATEGY.value and cell.cell_type != "markdown":
            problems.append(Problem(place, f"is tagged strategy but is a {cell.cell_type} cell", "make it markdown"))
        if tag in [role.value for role in CODE_TAGS] and cell.cell_type != "code":
            problems.append(Problem(place, f"is tagged {tag} but is a {cell.cell_type} cell", "make it a code cell"))
    for tag in tags:
        if tag in EXECUTION_TAGS and cell.cell_type == "code" and role_of(cell) is not Role.WORKBENCH:
            problems.append(Problem(place, f"is tagged {tag}: it {EXECUTION_TAGS[tag]}", "remove that tag"))
        problems += _unknown(place, tag)
    return problems


def _unknown(place: str, tag: str) -> list[Problem]:
    """A tag that is meant for Autoloop but is none would silently leave the cell locked; other tools' tags pass."""
    if tag in _ROLE_NAMES:
        return []
    if tag == INJECTED:
        what = "is what papermill once injected; each run replaces it"
        return [Problem(place, what, "delete it unless you need it by hand", "note")]
    if tag == "locked":
        return [Problem(place, "is tagged locked, which is no tag", "remove it: untagged code is locked", "note")]
    bare = tag.lower().removeprefix("autoloop").lstrip("-_:. ")
    meant = near(bare, _ROLE_NAMES)
    if meant is None and bare == tag.lower():
        return []
    mend = f"did you mean {meant}?" if meant else f"the tags are {', '.join(_ROLE_NAMES)}"
    return [Problem(place, f"carries the unknown tag {tag!r}", mend)]


def _name(place: str, cell: NotebookNode) -> list[Problem]:
    settings = cell.metadata.get("autoloop", {})
    if not isinstance(settings, dict):
        return [
            Problem(place, "has metadata autoloop that is no object", 'write {"autoloop": {"name": …}} or remove it')
        ]
    problems = []
    for key in settings:
        if key != "name":
            mend = "a cell knows only `name`; the rest belongs in the notebook's metadata"
            problems.append(Problem(place, f"has the unknown key {key!r} in its metadata autoloop", mend, "note"))
    mend = "use letters, digits, _ and - (64 at most, no - in front)"
    if "name" in settings and not is_name(settings["name"]):
        problems.append(Problem(place, f"has the unsafe name {settings['name']!r}", mend))
    elif role_of(cell) is Role.EDITABLE and not is_name(name_of(cell)):
        mend = f'name it in its metadata, {{"autoloop": {{"name": …}}}}: {mend}'
        problems.append(Problem(place, "has an id that cannot be a file's name", mend))
    return problems


def _names(cells: Sequence[NotebookNode]) -> list[Problem]:
    """Two code cells under one name; where they differ in case only they would share one file on some machines."""
    seen: dict[str, int] = {}
    problems = []
    for position, cell in enumerate(cells):
        key = name_of(cell).casefold()
        if cell.cell_type == "code" and key in seen:
            what = f"has the same name as cell {seen[key] + 1}"
            problems.append(Problem(where(position, cell), what, "give it another name in its metadata autoloop"))
        elif cell.cell_type == "code":
            seen[key] = position
    return problems


def _counts(cells: Sequence[NotebookNode], has_files: bool) -> list[Problem]:
    found = Counter(role_of(cell) for cell in cells)
    problems = []
    if not found[Role.EDITABLE] and not has_files:
        mend = "tag a code cell `editable`, or name `files` in metadata.autoloop"
        problems.append(Problem("notebook", "has no editable cell and no editable file", mend))
    if not found[Role.SCORE]:
        mend = "tag the code cell that calls score(…) `score`"
        problems.append(Problem("notebook", "has no score cell", mend))
    for role, mend in (
        (Role.STRATEGY, "join them into one, or take the tag off the others"),
        (Role.PARAMETERS, "papermill injects below the first only: join them into one"),
    ):
        places = [
            position for position, cell in enumerate(cells) if role_of(cell) is role and INJECTED not in tags_of(cell)
        ]
        if len(places) > 1:
            listed = ", ".join(str(position + 1) for position in places)
            problems.append(Problem("notebook", f"has {len(places)} {role} cells ({listed})", mend))
    if not any(role_of(cell) is Role.STRATEGY and cell.source.strip() for cell in cells):
        mend = "tag the markdown cell that tells agents what to try `strategy`"
        problems.append(Problem("notebook", "has no strategy, so that agents get no brief", mend, "note"))
    return problems


def _calls(cells: Sequence[NotebookNode], has_files: bool) -> list[Problem]:
    """Notes about cells that probably forget their part: nothing asks, answers or scores."""
    problems = []
    scoring = [cell for cell in cells if role_of(cell) is Role.SCORE]
    if scoring and not any(calls(cell.source, "score") for cell in scoring):
        place = where(cells.index(scoring[0]), scoring[0])
        problems.append(Problem(place, "never calls score(…)", "end it with score(value)", "note"))
    running = [cell for cell in cells if cell.cell_type == "code" and in_candidate(role_of(cell))]
    if running and not has_files and not any(calls(cell.source, "submit") for cell in running):
        mend = "end the last candidate cell with submit(answer)"
        problems.append(Problem("notebook", "has no cell that calls submit(…)", mend, "note"))
    last = max((i for i, cell in enumerate(cells) if role_of(cell) is Role.EDITABLE), default=-1)
    if scoring and cells.index(scoring[0]) < last:
        place = where(cells.index(scoring[0]), scoring[0])
        what = "stands before the last editable cell, so that “Run All Cells” would score too early"
        problems.append(Problem(place, what, "move it below", "note"))
    return problems
