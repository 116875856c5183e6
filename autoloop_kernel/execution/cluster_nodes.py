"""Which machines of a cluster are fit for attempts, and which slots they offer. Nothing here talks to a cluster."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Node:
    """One living machine: the cluster's id for it, its name in plain words, what it has, and what the probe found."""

    id: str
    name: str
    cpus: float = 0.0
    gpus: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hardware(self) -> str:
        """Its class, as it names it itself."""
        return str(self.facts.get("hardware", ""))


@dataclass(frozen=True)
class Fit:
    """The machines that may run attempts, the class that they share, and a line for each that may not, by its name."""

    nodes: tuple[Node, ...]
    hardware: str
    refused: Mapping[str, str]


def nodes_of(rows: Collection[Mapping[str, Any]]) -> list[Node]:
    """The living nodes of what `ray.nodes()` gives, each with a name of its own, in the order of their ids."""
    alive = sorted((row for row in rows if row["Alive"]), key=lambda row: str(row["NodeID"]))
    names = [str(row.get("NodeManagerHostname") or row.get("NodeManagerAddress")) for row in alive]
    found = []
    for row, host in zip(alive, names, strict=True):
        name = host if names.count(host) == 1 else f"{host}/{row['NodeID'][:6]}"
        has = row.get("Resources", {})
        found.append(Node(str(row["NodeID"]), name, float(has.get("CPU", 0)), int(has.get("GPU", 0))))
    return found


def comparable(hardware: str) -> str:
    """What of a class decides whether scores compare: a slot has one GPU, however many its machine has."""
    return re.sub(r"\b\d+ x ", "", hardware)


def fit(nodes: Sequence[Node], ours: Mapping[str, Any], hardware: str = "") -> Fit:
    """Sort out the machines that differ from the driver's (`ours`: its `python` and `autoloop`), or in their class.

    That is `hardware` where it is known from earlier runs, else the class that most of the machines share.
    """
    refused, able = {}, []
    for node in nodes:
        if "gone" in node.facts:
            continue
        if why := _unfit(node, ours):
            refused[node.name] = why
        else:
            able.append(node)
    kinds = Counter(comparable(node.hardware) for node in able)
    common = comparable(hardware) or min(kinds, key=lambda kind: (-kinds[kind], kind), default="")
    alike = tuple(node for node in able if comparable(node.hardware) == common)
    classes = Counter(node.hardware for node in alike)
    hardware = hardware or min(classes, key=lambda one: (-classes[one], one), default="")
    for node in able:
        if node not in alike:
            refused[node.name] = (
                f"node {node.name} is another machine ({node.hardware}) than most ({hardware}): scores of unlike "
                "machines do not compare; run a cluster of machines of one kind"
            )
    return Fit(alike, hardware, refused)


def _unfit(node: Node, ours: Mapping[str, Any]) -> str:
    facts, where = node.facts, f"node {node.name}"
    if "lost" in facts:
        return f"{where} did not answer: {facts['lost']}"
    if facts.get("python") != ours["python"]:
        return (
            f"{where} has Python {facts.get('python')}, the driver {ours['python']}: start Ray there with that version"
        )
    wanted = f"pip install 'autoloop-kernel[ray]=={ours['autoloop']}' there"
    if facts.get("autoloop") is None:
        return f"{where} lacks module autoloop_kernel ({facts.get('why', 'not found')}): {wanted}"
    if facts["autoloop"] != ours["autoloop"]:
        return f"{where} has autoloop-kernel {facts['autoloop']}, the driver {ours['autoloop']}: {wanted}"
    if "why" in facts:
        return f"{where} cannot run attempts ({facts['why']}): {wanted}"
    return ""


def count_of(nodes: Sequence[Node], asked: int | None) -> int:
    """How many slots there are: one a GPU; where there is none, as many as were `asked` for, else one a machine."""
    gpus = sum(node.gpus for node in nodes)
    if gpus:
        return gpus if asked is None else min(asked, gpus)
    return len(nodes) if asked is None else asked


def room_on(nodes: Sequence[Node], taken: Mapping[str, int], each: int) -> list[Node]:
    """The machines that have room for one more worker, that with the most first; `taken`: our workers, by node id.

    A machine takes as many as it has GPUs; where none of them has any, `each`.
    """
    gpus = any(node.gpus for node in nodes)
    room = {node.id: (node.gpus if gpus else each) - taken.get(node.id, 0) for node in nodes}
    return sorted((node for node in nodes if room[node.id] > 0), key=lambda node: -room[node.id])


def share_of(node: Node, each: int) -> dict[str, float]:
    """What a worker asks of Ray on `node`, which takes as many as it has GPUs, else `each`."""
    cpus = min(1.0, int(100 * node.cpus / max(node.gpus or each, 1)) / 100)
    return {"num_cpus": cpus, "num_gpus": 1 if node.gpus else 0}
