from pathlib import Path

import pytest

from autoloop_kernel.server.errors import LINE, Refused, one_line
from autoloop_kernel.server.paths import arena_at, below, inside

OUTSIDE = [
    "..",
    "../x.ipynb",
    "a/../../x.ipynb",
    "a/..",
    "./a",
    "a//b",
    "a/",
    "/etc/passwd",
    "//etc/passwd",
    "~/x.ipynb",
    "~root/x",
    "C:/x.ipynb",
    "..\\x.ipynb",
    "a\\b",
    "%2e%2e/x.ipynb",
    "%2E%2E%2Fx.ipynb",
    "%252e%252e%252fx.ipynb",
    "a/%2e%2e/%2e%2e/x",
    "%2fetc/passwd",
    "a%5c..%5cx",
    "a\0b",
    "a%00b",
    "a\nb",
    "a%0ab",
    "\u202ea",
    "a\u2028b",
    ".hidden/x.ipynb",
    "a/.hidden.ipynb",
    "%2ehidden",
    "x" * 1001,
    "a/" + "x" * 256,
    "%25252525252525252e",
]


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "root"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "game.ipynb").write_text("{}")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "game.ipynb").write_text("{}")
    return folder


@pytest.mark.parametrize("path", [*OUTSIDE, "a\ud800"])  # no address can hold the last one
def test_what_would_leave_the_root_is_refused(root, path):
    with pytest.raises(Refused) as refused:
        inside(root, path)
    assert refused.value.status == 403
    assert str(root) not in str(refused.value)


NAMES = ["", "a", "a/game.ipynb", "new folder/x.ipynb", "100%.ipynb", "a..b", "ünï/…", "a/b~"]
SCRIPTS = ["mes\u00a0notes/x.ipynb", "می\u200cخواهم.ipynb", "\U0001f469\u200d\U0001f52c/x", "東\u3000京"]


@pytest.mark.parametrize("path", [*NAMES, *SCRIPTS])
def test_what_lies_below_the_root_is_its_place(root, path):
    assert inside(root, path) == root / path
    assert below(root, inside(root, path)) == (path or ".")


def test_links_are_followed_only_within_the_root(root, tmp_path):
    (root / "away").symlink_to(tmp_path / "outside")
    (root / "away.ipynb").symlink_to(tmp_path / "outside" / "game.ipynb")
    (root / "up").symlink_to("../outside")
    (root / "home").symlink_to(root / "a")
    (root / "ring").symlink_to("ring")
    (root / ".secret").mkdir()
    (root / "open").symlink_to(root / ".secret")
    for path in ("away/game.ipynb", "away.ipynb", "up", "up/new", "open/x.ipynb", "open"):
        with pytest.raises(Refused, match=r"out of the server's folder|hidden"):
            inside(root, path)
    assert inside(root, "home/game.ipynb") == root / "home" / "game.ipynb"
    with pytest.raises(Refused):
        arena_at(root, "ring")


def test_a_root_behind_a_link_and_below_a_hidden_folder_is_a_root_all_the_same(tmp_path):
    real = tmp_path / ".deep" / "root"
    real.mkdir(parents=True)
    (tmp_path / "root").symlink_to(real)
    assert inside(tmp_path / "root", "x.ipynb") == real.resolve() / "x.ipynb"


def test_an_arena_is_a_notebook_that_is_there(root):
    assert arena_at(root, "a/game.ipynb") == root / "a" / "game.ipynb"
    for path in ("a", "a/other.ipynb", "a/game", ""):
        with pytest.raises(Refused) as refused:
            arena_at(root, path)
        assert refused.value.status == 404


@pytest.mark.parametrize("name", ["game_runs", "game_runs/ledger.sqlite", "game_runs/lineage.git"])
def test_an_arena_whose_memory_lies_elsewhere_is_refused(root, tmp_path, name):
    link = root / "a" / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "outside")
    with pytest.raises(Refused) as refused:
        arena_at(root, "a/game.ipynb")
    assert refused.value.status == 403


def test_lines_are_one_line_without_the_machines_paths(root):
    text = f"{root}/a/game.ipynb is wrong\n see {root} \x1b[31m\u202e{root.parent}/elsewhere"
    line = one_line(text, root)
    assert line.startswith("a/game.ipynb is wrong see the server's folder [31m")
    assert line.endswith("elsewhere")
    assert str(root.parent) not in line
    assert line.isprintable()
    kept = "50 / 2, and/or </b> http://host/a/b c:/d/e ~ /x"
    assert one_line(kept, root) == kept
    assert len(one_line("x" * 10_000, root)) == LINE
