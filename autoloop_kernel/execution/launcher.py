"""Starts a fresh kernel in its sandbox: the process seals itself by `sandbox.py`, then becomes the kernel."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from autoloop_kernel.execution import sandbox

NOT_PYTHON = "its kernelspec starts no Python by itself"
UNTOLD = "its process has not said how it is sealed"


class SealedProvisioner(LocalProvisioner):
    """A kernel as a fresh process, which is sealed where there is a `policy` (a `Policy` as a dict).

    `papers` is a folder out of the kernel's reach, for what the launcher reads and what it says.
    """

    policy: Mapping[str, Any] | None = None
    papers: Path | None = None
    _told: Path | None = None
    _lacks: tuple[str, ...] = ()

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start `cmd`, behind the launcher where it is to be sealed; takes what `subprocess.Popen` takes."""
        if self.policy is not None and self.papers is not None:
            cmd = self._behind(cmd, self.papers)
        return await super().launch_kernel(cmd, **kwargs)

    def _behind(self, cmd: list[str], papers: Path) -> list[str]:
        if not re.fullmatch(r"(?i)(python|pypy)[\d.]*w?(\.exe)?", Path(cmd[0]).name):
            self._lacks = (NOT_PYTHON,)
            return cmd
        name = uuid.uuid4().hex
        self._told, order = papers / f"{name}.told", papers / f"{name}.json"
        order.write_text(json.dumps({**(self.policy or {}), "told": str(self._told)}), encoding="utf-8")
        return [cmd[0], str(Path(sandbox.__file__).resolve()), str(order), "--", *cmd]

    def lacks(self) -> tuple[str, ...]:
        """What the seal of the kernel lacks; to be read once it answers, and before an agent's code runs in it."""
        if self._told is not None:
            try:
                self._lacks = tuple(str(word) for word in json.loads(self._told.read_text(encoding="utf-8")))
            except (OSError, ValueError):
                self._lacks = (UNTOLD,)
            self._told = None
        return self._lacks
