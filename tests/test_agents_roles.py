"""Roles: what an agent of a team is asked to look for."""

import sys

import pytest
from test_agents_search import CELL, World, bowl

from autoloop_kernel.agents.base import Agent, Context, NoProposal
from autoloop_kernel.agents.claude.prompt import opening, system
from autoloop_kernel.agents.command import CommandAgent
from autoloop_kernel.agents.constants import constants
from autoloop_kernel.agents.registry import resolve
from autoloop_kernel.agents.roles import ROLES, InRole, bare
from autoloop_kernel.agents.scratch import unit_paths
from autoloop_kernel.agents.search import SearchAgent
from autoloop_kernel.agents.team import is_quick
from autoloop_kernel.records import AutoloopError, Direction, Metric, Proposal, Rules

RULES = Rules(Metric("loss", Direction.MIN), 10.0)


class Notes:
    """Keeps the context it was asked with."""

    name = "notes"
    quick = True
    seen: Context
    stopped = False

    def propose(self, context):
        self.seen = context
        return Proposal("a title", {"model": "LR = 2.0"})

    def stop(self):
        self.stopped = True


def context(**fields):
    return Context("Do well.", RULES.metric, RULES, 1, {"model": "LR = 1.0\n"}, **fields)


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("search@refine", "search@refine"),
        (" command:python agent.py --to me@home @explore ", "command:python agent.py --to me@home @explore"),
        ("command:python agent.py@explore", "command:python agent.py@explore"),
    ],
)
def test_a_role_stands_behind_the_name(spec, name):
    agent = resolve(spec)
    assert isinstance(agent, Agent)
    assert agent.name == name


def test_what_a_role_is_called_is_no_part_of_the_agent():
    agent = resolve("command:python agent.py@combine")
    inner = bare(agent)
    assert isinstance(inner, CommandAgent)
    assert inner.cmd == "python agent.py"
    assert agent.role is ROLES["combine"]


def test_an_at_in_a_command_is_the_commands_own():
    agent = resolve("command:ssh me@host")
    assert (agent.name, bare(agent).cmd) == ("command:ssh me@host", "ssh me@host")


@pytest.mark.parametrize("spec", ["search@refin", "my_module:attr@sceptic", "claude@"])
def test_an_unknown_role_is_one_line_with_those_there_are(spec):
    with pytest.raises(AutoloopError) as caught:
        resolve(spec)
    assert "\n" not in str(caught.value)
    assert "explore, refine, simplify, combine" in str(caught.value)


@pytest.mark.parametrize("name", ["human", "rescue"])
def test_who_has_a_task_of_its_own_takes_no_role(name):
    with pytest.raises(AutoloopError, match=f"write --agent {name}$"):
        resolve(f"{name}@refine")


def test_the_context_says_the_role_and_the_rest_is_the_agents_own():
    notes = Notes()
    agent = InRole(notes, ROLES["simplify"])
    agent.propose(context())
    assert notes.seen.role is ROLES["simplify"]
    assert agent.name == "notes@simplify"
    assert is_quick(agent)
    agent.stop()
    assert notes.stopped
    assert not hasattr(agent, "refuses_bound")


def test_one_object_in_two_roles_is_one(tmp_path, monkeypatch):
    (tmp_path / "role_agents.py").write_text("class A:\n    def propose(self, context):\n        pass\none = A()\n")
    monkeypatch.syspath_prepend(tmp_path)
    first, second = resolve("role_agents:one@explore"), resolve("role_agents:one@refine")
    sys.modules.pop("role_agents")
    assert (first.name, second.name) == ("role_agents:one@explore", "role_agents:one@refine")
    assert bare(first).inner is bare(second).inner


def test_a_command_reads_its_role_and_may_not_change_it(tmp_path):
    agent = resolve(f"command:cp ROLE.md {tmp_path}/seen; echo 'LR = 2.0' > model.py #@refine")
    agent.propose(context())
    assert (tmp_path / "seen").read_text() == f"# Your role: refine\n\n{ROLES['refine'].brief}\n"
    with pytest.raises(NoProposal, match=r"ROLE\.md is read-only"):
        resolve("command:rm -f ROLE.md; echo 'LR = 2.0' > model.py #@refine").propose(context())


def test_without_a_role_there_is_no_such_file_and_its_name_is_free(tmp_path):
    resolve(f"command:ls > {tmp_path}/seen; echo 'LR = 2.0' > model.py").propose(context())
    assert "ROLE.md" not in (tmp_path / "seen").read_text()
    mine = {"units": {"ROLE.md": "x"}, "files": frozenset(["ROLE.md"])}
    free = Context("", RULES.metric, RULES, 1, **mine)
    assert unit_paths(free) == {"ROLE.md": "ROLE.md"}
    with pytest.raises(NoProposal, match="rename it"):
        unit_paths(Context("", RULES.metric, RULES, 1, **mine, role=ROLES["refine"]))


def test_claude_reads_its_role_where_it_breaks_no_cache():
    asked = context(role=ROLES["explore"])
    champion, digest = opening(asked, None)
    assert f"# Your role: explore\n\n{ROLES['explore'].brief}" in digest["text"]
    assert digest["text"].endswith("Now make the next proposal.")
    plain = context()
    assert [champion, *system(asked)] == [opening(plain, None)[0], *system(plain)]
    assert "Your role" not in opening(plain, None)[1]["text"]


def moved(world, role):
    """The constants that the search agent moves in a role, each as (before, after)."""
    agent = SearchAgent() if role is None else InRole(SearchAgent(), ROLES[role])
    proposal = agent.propose(world.context())
    before = {name: one.value for (_, name), one in constants(world.context().units).items()}
    after = {name: one.value for (_, name), one in constants(dict(proposal.units)).items()}
    return {name: (before[name], after[name]) for name in before if after[name] != before[name]}


def test_the_search_agent_tries_first_what_fits_its_role():
    world = World(CELL, bowl)
    for _ in range(9):
        world.step()
    tried = {
        name
        for number, it in enumerate(world.history[1:], start=2)
        for name in world.values(world.sources[number])
        if world.values(world.sources[number])[name] != world.values(world.sources[it.base])[name]
    }
    assert {"LR", "DEPTH"} <= tried < set(world.values(world.sources[1]))
    assert not set(moved(world, "explore")) & tried
    assert len(moved(world, "refine")) == 1
    assert set(moved(world, "refine")) <= tried
    assert len(moved(world, "combine")) > 1
    assert all(abs(after) < abs(before) for before, after in moved(world, "simplify").values())


def test_a_role_never_leaves_the_search_agent_without_a_move():
    for role in ROLES:
        world = World("X = 1.0\nUSE = True\n", lambda values: (values["X"] - 3) ** 2)
        agent = InRole(SearchAgent(), ROLES[role])
        for _ in range(12):
            world.step(agent)
        assert min(it.score for it in world.history) < 1.0, role
