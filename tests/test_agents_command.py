import json
import os
import signal
import stat
import sys
import tempfile
import threading
import time
from dataclasses import replace

import psutil
import pytest

from autoloop_kernel.agents import scratch as scratch_module
from autoloop_kernel.agents.base import Context, NoProposal
from autoloop_kernel.agents.brief import champion
from autoloop_kernel.agents.claude.prompt import opening
from autoloop_kernel.agents.command import LINES_SHOWN, CommandAgent
from autoloop_kernel.records import (
    Attempt,
    AutoloopError,
    Direction,
    Finding,
    Iteration,
    Kind,
    Metric,
    Rules,
    Verdict,
)

RULES = Rules(Metric("val_bpb", Direction.MIN), 15.0, clock="cpu")
HISTORY = (
    Iteration(1, 1, "a", "baseline", "", verdict=Verdict.KEEP, score=2.5),
    Iteration(2, 1, "b", "LR 3e-4 → 6e-4", "search", 1, verdict=Verdict.KEEP, state="confirmed", score=2.25),
    Iteration(3, 1, "c", "deeper", "search", 2, "more depth", Verdict.CRASH, reason="out of memory"),
)
UNITS = {"model": "LR = 6e-4\nDEPTH = 4", "src/train.py": "def step():\n    return 1\n", "empty": ""}


@pytest.fixture(autouse=True)
def tmp(tmp_path, monkeypatch):
    """All scratch folders go here, so that a test can see that none is left."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []


@pytest.fixture
def said():
    return []


@pytest.fixture
def context(said):
    return Context(
        strategy="# Strategy\n\nMake it better.",
        metric=RULES.metric,
        rules=RULES,
        base=2,
        units=UNITS,
        files=frozenset(["src/train.py"]),
        locked={"data": "x = 1", "the loop": "for i in x: pass"},
        history=HISTORY,
        findings=(Finding(3, "depth costs memory"), Finding(0, "an older one")),
        refusal="it changed the cell 'data', which is locked",
        proposal_id="p-4",
        emit=said.append,
    )


def run(context, command, timeout_s=20.0):
    return CommandAgent(command, timeout_s).propose(context)


def python(code):
    """A command that runs this code."""
    import shlex

    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def refused(context, command, part, timeout_s=20.0):
    with pytest.raises(NoProposal) as caught:
        run(context, command, timeout_s)
    assert part in str(caught.value), str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_edit_is_a_proposal(context, said):
    proposal = run(context, "sed -i 's/6e-4/1e-3/' model.py; echo working; echo 'on it' >&2; echo rubbish > notes.txt")
    assert dict(proposal.units) == {"model": "LR = 1e-3\nDEPTH = 4"}
    assert (proposal.title, proposal.hypothesis) == ("edit model (+1 −1)", "")
    assert (proposal.base, proposal.id, proposal.agent[:8]) == (2, "p-4", "command:")
    assert said == ["working", "on it"]


def test_several_units_and_newlines(context):
    proposal = run(context, "printf 'x = 1\\r\\n' >> model.py; printf 'y = 2' > src/train.py; echo 'Z = 1' > empty.py")
    assert dict(proposal.units) == {
        "model": "LR = 6e-4\nDEPTH = 4\nx = 1\r",
        "src/train.py": "y = 2",
        "empty": "Z = 1",
    }
    assert proposal.title == "edit model, src/train.py, empty (+3 −2)"


def test_what_the_command_sees(context, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", "secret")
    copy = tmp_path / "copy"
    look = f"cp -rp . {copy}; env > {tmp_path}/env; stat -c %a locked STRATEGY.md locked/data.py > {tmp_path}/mode"
    run(context, f"{look}; echo 'A = 1' >> model.py")
    assert (copy / "model.py").read_text() == "LR = 6e-4\nDEPTH = 4\n"
    assert (copy / "src/train.py").read_text() == UNITS["src/train.py"]
    assert sorted(path.name for path in (copy / "locked").iterdir()) == ["data.py", "the loop.py"]
    strategy = (copy / "STRATEGY.md").read_text()
    assert strategy.startswith("# Strategy\n\nMake it better.")
    assert strategy.rstrip().endswith("it changed the cell 'data', which is locked")
    champion = (copy / "CHAMPION.md").read_text()
    assert "Iteration 2, score 2.25 (confirmed)" in champion
    assert "less is better" in champion
    assert champion.index("1: baseline, score 2.5") < champion.index("2: LR 3e-4 → 6e-4, score 2.25")
    findings = (copy / "FINDINGS.md").read_text()
    assert "3 crash, score none, an edit of 2: deeper" in findings
    assert "reason: out of memory" in findings
    assert "depth costs memory" in findings
    assert "an older one" in findings
    environment = (tmp_path / "env").read_text().splitlines()
    assert "AUTOLOOP_PROPOSAL=p-4" in environment
    assert "MY_KEY=secret" in environment
    assert (tmp_path / "mode").read_text().split() == ["555", "444", "444"]


def test_agents_are_told_what_the_score_cell_recorded_and_never_of_the_holdout(context):
    attempts = (
        Attempt(1, 7, Kind.HOLDOUT, Verdict.SCORED, 2.0, extra={"easy": 0.5}),
        Attempt(2, 8, Kind.SCREEN, Verdict.SCORED, 2.25, extra={"easy": 1.0, "hard": 0.25, "by": [1, 2], "note": "x"}),
    )
    first, best, crash = context.history
    told = replace(context, history=(first, replace(best, attempts=attempts), crash))
    assert "Recorded beside the score: easy 1, hard 0.25." in champion(told)
    assert "(recorded beside it: easy 1, hard 0.25)" in opening(told, None)[0]["text"]
    assert "ecorded beside" not in champion(context) + opening(context, None)[0]["text"]


@pytest.mark.parametrize(
    ("note", "title", "hypothesis"),
    [
        (json.dumps({"title": " a\n title ", "hypothesis": "since so"}), "a title", "since so"),
        (json.dumps({"title": "only"}), "only", ""),
        (json.dumps({"title": 3, "hypothesis": ["x"]}), "edit model (+1 −0)", ""),
        (json.dumps(["x"]), "edit model (+1 −0)", ""),
        ("{not json", "edit model (+1 −0)", ""),
        ("[" * 50_000, "edit model (+1 −0)", ""),
        ("x" * 70_000, "edit model (+1 −0)", ""),
        (b"\xff\xfe", "edit model (+1 −0)", ""),
    ],
)
def test_proposal_json(context, tmp_path, note, title, hypothesis):
    source = tmp_path / "note"
    source.write_bytes(note if isinstance(note, bytes) else note.encode())
    proposal = run(context, f"cp {source} PROPOSAL.json; echo 'A = 1' >> model.py")
    assert (proposal.title, proposal.hypothesis) == (title, hypothesis)


@pytest.mark.parametrize("plant", ["mkdir PROPOSAL.json", "mkfifo PROPOSAL.json", "ln -s /dev/zero PROPOSAL.json"])
def test_proposal_json_that_is_no_file(context, plant):
    assert run(context, f"{plant}; echo 'A = 1' >> model.py").title == "edit model (+1 −0)"


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("true", "the command changed nothing"),
        ("touch model.py; echo nothing to do", "changed nothing; its last line: nothing to do"),
        ("echo 'A = 1' >> model.py; echo no key >&2; exit 3", "ended with status 3; its last line: no key"),
        ("no-such-command-here", "ended with status 127"),
        ("kill -9 $$", "killed by SIGKILL"),
        ("rm model.py", "model.py is gone"),
        ("rm -r src", "src/train.py is gone"),
        ("rm model.py; mkdir model.py", "model.py is no plain file"),
        ("rm model.py; mkfifo model.py", "model.py is no plain file"),
        ("ln -sf /etc/passwd model.py", "model.py is no plain file"),
        ("mv src other; ln -s other src", "src/train.py is no plain file"),
        ("printf '\\377\\376' > model.py", "model.py is not UTF-8"),
        ("head -c 5000000 /dev/zero > model.py", "model.py is larger than 4 MiB"),
        ("chmod u+w STRATEGY.md; echo x >> STRATEGY.md; echo x >> model.py", "STRATEGY.md is read-only"),
        ("rm -f FINDINGS.md; echo x >> model.py", "FINDINGS.md is read-only"),
        ("chmod -R u+w locked; echo x > locked/data.py; echo x >> model.py", "locked/data.py is read-only"),
        (
            "chmod u+w locked; mv locked old; cp -r old locked; rm old/*; ln -s old x; rm -rf locked; ln -s x locked",
            "locked/data.py is read-only",
        ),
        ('rm -rf "$PWD"', "the folder that the command was to edit is gone"),
        ('rm -rf "$PWD"; echo x > "$PWD"', "the folder that the command was to edit is gone"),
        ("sleep 30", "ran past its 0.5 s"),
        ("trap '' INT TERM HUP; echo stuck; while :; do sleep 1; done", "was killed; its last line: stuck"),
    ],
)
def test_what_is_no_proposal(context, command, part):
    refused(context, command, part, 0.5 if "sleep" in command else 20.0)


def test_a_symlink_is_not_followed_on_the_way_out(context, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    (outside / "file").write_text("kept")
    refused(context, f"ln -s {outside} link; ln -sf {outside}/file model.py; chmod 000 src", "no plain file")
    assert (outside / "file").read_text() == "kept"
    assert stat.S_IMODE(outside.stat().st_mode) == 0o500


def test_a_folder_that_became_a_link_is_not_followed(context, tmp_path):
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True, mode=0o755)
    (outside / "model.py").write_text("kept")
    refused(context, f'rm -rf "$PWD"; ln -s {outside} "$PWD"', "the folder that the command was to edit is gone")
    assert (outside / "model.py").read_text() == "kept"
    assert stat.S_IMODE((outside / "deep").stat().st_mode) == 0o755


@pytest.mark.parametrize(("given", "seconds"), [("", 1800.0), (" 90 ", 90.0), ("0.5", 0.5)])
def test_the_environment_says_how_long_a_command_may_take(monkeypatch, given, seconds):
    monkeypatch.setenv("AUTOLOOP_COMMAND_TIMEOUT_S", given)
    assert CommandAgent("true").timeout_s == seconds
    assert CommandAgent("true", 3.0).timeout_s == 3.0


@pytest.mark.parametrize("given", ["soon", "0", "-1", "nan", "inf"])
def test_a_time_that_cannot_be_meant_is_refused_in_one_line(monkeypatch, given):
    monkeypatch.setenv("AUTOLOOP_COMMAND_TIMEOUT_S", given)
    with pytest.raises(AutoloopError, match=f"^AUTOLOOP_COMMAND_TIMEOUT_S={given} is no time: give seconds above 0"):
        CommandAgent("true")


def test_rubbish_is_ignored_and_removed(context):
    command = "mkdir -p a/b && echo x > a/b/c && chmod 000 a/b && chmod 500 a && mkfifo p && echo x > locked/more.py"
    assert run(context, f"{command}; echo 'A = 1' >> model.py").units.keys() == {"model"}


LEFT_BEHIND = """
import os, sys, time, subprocess
mode = sys.argv[1] if len(sys.argv) > 1 else "mark"
environment = {} if mode == "bare" else dict(os.environ)
for session in (True, False):
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    done = subprocess.Popen(command, start_new_session=session, env=environment)
    open(os.environ["PIDS"], "a").write(f"{done.pid}\\n")
open("model.py", "a").write("A = 1\\n")
"""


@pytest.mark.parametrize("mode", ["mark", "bare"])
@pytest.mark.parametrize("end", ["", "; exit 1", "; sleep 60"])
def test_no_process_is_left(context, tmp_path, monkeypatch, mode, end):
    monkeypatch.setenv("PIDS", str(tmp_path / "pids"))
    script = tmp_path / "agent.py"
    script.write_text(LEFT_BEHIND)
    bystander = psutil.Popen(["sleep", "60"], cwd=tmp_path)
    try:
        command = f"{sys.executable} {script} {mode}{end}"
        began = time.monotonic()
        if end:
            refused(context, command, "status 1" if "exit" in end else "ran past", 1.5)
        else:
            assert run(context, command).units["model"].endswith("A = 1")
        assert time.monotonic() - began < 40
        pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
        assert len(pids) == 2
        alive = [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
        assert alive == []
        assert bystander.is_running()
    finally:
        bystander.kill()
        bystander.wait()


def test_a_keyboard_interrupt_kills_the_tree(context, tmp_path):
    def interrupt():
        for _ in range(200):
            time.sleep(0.05)
            if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n"):
                break
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(context, f"echo $$ > {tmp_path}/pid; sleep 60")
    thread.join()
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_stop_from_another_thread(context):
    agent = CommandAgent("sleep 60")
    timer = threading.Timer(0.3, agent.stop)
    timer.start()
    with pytest.raises(NoProposal, match="was stopped"):
        agent.propose(context)
    timer.join()


def test_much_output_is_capped(context, said):
    code = "import sys\nfor i in range(300000): print('line', i)\nsys.stdout.write('y' * 3000000)\nsys.exit(2)"
    refused(context, python(code), "ended with status 2; its last line: yyy")
    assert len(said) == LINES_SHOWN + 1
    assert max(map(len, said)) <= 500
    assert "the rest is not shown" in said[-1]


def test_output_is_shown_as_it_comes_and_clean(context, said):
    times = []
    seen = Context(**{**vars(context), "emit": lambda line: (times.append(time.monotonic()), said.append(line))})
    run(
        seen,
        "printf '\\033[31mred\\033[0m \\033]8;;http://a\\033\\\\now\\033]8;;\\033\\\\\\n'; sleep 0.6; "
        "printf 'caf\\303\\251\\r50%%\\377'; echo 'A = 1' >> model.py",
    )
    assert said == ["red now", "café", "50%\ufffd"]
    assert times[1] - times[0] > 0.4


@pytest.mark.parametrize(
    ("units", "files"),
    [
        ({"train": "x", "train.py": "y"}, ["train.py"]),
        ({"a/b": "x", "a_b": "y"}, []),
        ({"../x.py": "x"}, ["../x.py"]),
        ({"/etc/x.py": "x"}, ["/etc/x.py"]),
        ({"STRATEGY.md": "x"}, ["STRATEGY.md"]),
        ({"locked/x.py": "x"}, ["locked/x.py"]),
    ],
)
def test_units_that_have_no_place(context, units, files):
    odd = Context(**{**vars(context), "units": units, "files": frozenset(files)})
    refused(odd, "true", "rename it")


def test_odd_cell_names_stay_inside(context):
    odd = Context(**{**vars(context), "units": {"../../my cell/é": "A = 1"}, "files": frozenset()})
    assert scratch_module.unit_paths(odd) == {"../../my cell/é": "_.._my cell_é.py"}
    assert run(odd, "for f in *.py; do echo 'B = 2' >> \"$f\"; done").units == {"../../my cell/é": "A = 1\nB = 2"}


def test_before_the_baseline(context):
    bare = Context(**{**vars(context), "base": None, "history": (), "findings": (), "refusal": None})
    proposal = run(bare, "cat CHAMPION.md FINDINGS.md STRATEGY.md > empty.py")
    text = proposal.units["empty"]
    assert "Nothing has run yet" in text
    assert "Nothing yet." in text
    assert "refused" not in text
    assert os.environ.get("AUTOLOOP_PROPOSAL") is None
