"""The front end knows the same roles, tags and names as the arena."""

import re
from pathlib import Path

from autoloop_kernel.arena import load, roles

BOOK = Path(__file__).parent.parent / "extension" / "src" / "book"
ROLES = (BOOK / "roles.ts").read_text(encoding="utf-8")
NAMES = (BOOK / "names.ts").read_text(encoding="utf-8")


def listed(name: str) -> list[str]:
    """What the list `name` of roles.ts holds; a spread of another list is taken in."""
    found = re.search(rf"export const {name}\b[^=]*= \[(.*?)\]", ROLES, re.DOTALL)
    assert found, f"roles.ts has no {name}"
    items = re.findall(r"\.\.\.(\w+)|'([\w-]+)'", found[1])
    return [word for spread, text in items for word in (listed(spread) if spread else [text])]


def test_the_front_end_has_every_role():
    assert listed("ROLES") == [
        *("strategy", "parameters", "locked", "editable", "score", "shared", "workbench", "note")
    ]
    assert set(listed("ROLES")) == {role.value for role in roles.Role}


def test_tags_are_the_same_and_win_in_the_same_order():
    assert listed("CODE_TAGS") == [role.value for role in roles.CODE_TAGS]
    assert listed("TAGS") == [role.value for role in roles.TAGS]
    assert f"INJECTED = '{roles.INJECTED}'" in ROLES


def test_a_name_is_the_same():
    found = re.search(r"export const NAME = /\^(.*)\$/;", NAMES)
    assert found
    assert found[1] == load._NAME.pattern
