import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from autoloop_kernel.agents import registry
from autoloop_kernel.agents.base import Agent, Context, NoProposal
from autoloop_kernel.agents.registry import as_agent, resolve
from autoloop_kernel.records import AutoloopError, Direction, Metric, Proposal, Rules

RULES = Rules(Metric("loss", Direction.MIN), 10.0)


def context(**fields):
    return Context(
        strategy="Do well.", metric=RULES.metric, rules=RULES, base=1, units={"model": "LR = 1e-3"}, **fields
    )


MODULE = """
from autoloop_kernel.records import AutoloopError, Proposal

class Plain:
    def propose(self, context):
        return Proposal("a title", {"model": "LR = 2e-3"})

class Named(Plain):
    name = "bright"

class Needy(Named):
    def __init__(self, key):
        self.key = key

class Space:
    inner = Named()

instance = Named()
def factory():
    return Plain()
nothing = 3
broken = lambda: 1 / 0

def keyless():
    raise AutoloopError("the agent has no key — set MY_KEY, or use another agent")
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "my_agents.py").write_text(MODULE)
    (tmp_path / "bad_agents.py").write_text("def f(:\n")
    (tmp_path / "script_agents.py").write_text("raise SystemExit('usage: it takes a file')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("my_agents", None)


def test_the_built_in_forms():
    assert resolve("search").name == "search"
    assert resolve("human").name == "human"
    agent = resolve(" command: python agent.py --x 'a:b' ")
    assert agent.name == "command:python agent.py --x 'a:b'"
    assert isinstance(agent, Agent)


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("my_agents:instance", "bright"),
        ("my_agents:Named", "bright"),
        ("my_agents:Space.inner", "bright"),
        ("my_agents:Plain", "my_agents:Plain"),
        ("my_agents:factory", "my_agents:factory"),
    ],
)
def test_module_and_attr(mine, spec, name):
    agent = resolve(spec)
    assert isinstance(agent, Agent)
    assert agent.name == name
    assert agent.propose(context()).title == "a title"


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ("nonsense", "there is no agent 'nonsense' — there is search, claude, human, rescue, command:CMD, module:attr"),
        ("clod", "there is no agent 'clod'"),
        ("", "there is no agent ''"),
        ("command:", "names no command"),
        ("command: ", "names no command"),
        (":attr", "there is no agent"),
        ("module:", "there is no agent"),
        ("no_such_module:attr", "No module named 'no_such_module'"),
        ("my_agents:absent", "has no attribute 'absent'"),
        ("my_agents:nothing", "no propose(context)"),
        ("my_agents:broken", "ZeroDivisionError"),
        ("my_agents:Needy", "missing 1 required positional argument"),
        ("bad_agents:x", "SyntaxError"),
        ("script_agents:x", "SystemExit: usage: it takes a file"),
    ],
)
def test_what_cannot_be_resolved_says_so_in_one_line(mine, spec, part):
    with pytest.raises(AutoloopError) as caught:
        resolve(spec)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_agent_that_says_itself_what_it_lacks_is_not_spoken_over(mine, monkeypatch):
    want = "the agent has no key — set MY_KEY, or use another agent"
    for spec in ("my_agents:keyless", "needy"):
        points = [EntryPoint("needy", "my_agents:keyless", registry.GROUP)]
        monkeypatch.setattr(registry, "entry_points", lambda group, points=points: points)
        with pytest.raises(AutoloopError) as caught:
            resolve(spec)
        assert str(caught.value) == want


def test_entry_points_are_found_and_listed(mine, monkeypatch):
    points = [EntryPoint("mine", "my_agents:Plain", registry.GROUP), EntryPoint("gone", "no_module:x", registry.GROUP)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == registry.GROUP else [])
    monkeypatch.syspath_prepend(mine)
    assert resolve("mine").name == "mine"
    assert registry.names() == ["search", "claude", "human", "rescue", "command:CMD", "module:attr", "gone", "mine"]
    with pytest.raises(AutoloopError, match="cannot be loaded"):
        resolve("gone")


def test_any_object_with_propose_is_an_agent():
    class Mine:
        def propose(self, context):
            return Proposal("t", {})

    assert as_agent(Mine()).name == "Mine"
    assert as_agent(Mine(), "called so").name == "called so"
    for thing in (3, Mine, object()):
        with pytest.raises(AutoloopError, match="no agent"):
            as_agent(thing)


def test_a_bare_context_has_working_callables():
    bare = context()
    assert bare.is_known({"model": "x"}) is None
    bare.emit("a line")
    with pytest.raises(KeyError):
        bare.sources(1)
    assert issubclass(NoProposal, AutoloopError)


def test_base_is_light():
    slow = ("optuna", "libcst", "numpy")
    code = f"import sys, autoloop_kernel.agents.registry; print([m for m in {slow} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
