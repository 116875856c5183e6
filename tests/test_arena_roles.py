import pytest
from arena_builder import cell
from nbformat import from_dict

from autoloop_kernel.arena.roles import Role, in_candidate, in_referee, role_of, tags_of


@pytest.mark.parametrize(
    ("kind", "tags", "role"),
    [
        ("markdown", ["strategy"], Role.STRATEGY),
        ("markdown", [], Role.NOTE),
        ("raw", [], Role.NOTE),
        ("code", [], Role.LOCKED),
        ("code", ["remove-cell"], Role.LOCKED),
        ("code", ["parameters"], Role.PARAMETERS),
        ("code", ["injected-parameters"], Role.PARAMETERS),
        ("code", ["hide-input", "editable"], Role.EDITABLE),
        ("code", ["score"], Role.SCORE),
        ("code", ["shared"], Role.SHARED),
        ("code", ["workbench"], Role.WORKBENCH),
        ("markdown", ["workbench"], Role.WORKBENCH),
        ("code", ["strategy"], Role.LOCKED),
        ("markdown", ["score"], Role.NOTE),
        ("raw", ["strategy"], Role.NOTE),
        ("code", ["editable", "score"], Role.SCORE),
    ],
)
def test_role_follows_tag_and_type(kind: str, tags: list[str], role: Role) -> None:
    assert role_of(from_dict(cell(kind, "x", "", *tags))) is role


@pytest.mark.parametrize("tags", ["editable", 5, {"editable": 1}, None, [5, None]])
def test_tags_that_are_no_list_of_strings_are_none(tags: object) -> None:
    assert tags_of(from_dict({"cell_type": "code", "metadata": {"tags": tags}})) == ()
    assert role_of(from_dict({"cell_type": "code", "metadata": {"tags": tags}})) is Role.LOCKED


def test_score_and_editable_cells_never_share_a_kernel() -> None:
    candidate = {role for role in Role if in_candidate(role)}
    referee = {role for role in Role if in_referee(role)}
    assert candidate == {Role.PARAMETERS, Role.LOCKED, Role.EDITABLE, Role.SHARED}
    assert referee == {Role.PARAMETERS, Role.SHARED, Role.SCORE}
