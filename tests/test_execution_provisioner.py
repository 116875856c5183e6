"""The provisioner that a person's kernels are started by: first afresh, then forked; restarted, interrupted, ended."""

import json
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import psutil
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from autoloop_kernel.execution import provisioner
from autoloop_kernel.execution.provisioner import NAME, AutoloopProvisioner
from autoloop_kernel.execution.warm import forks

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(not forks(), reason="this machine has no safe way to fork kernels")


def forked(manager) -> bool:
    return any(part.endswith("zygote.py") for part in psutil.Process(manager.provisioner.pid).cmdline())


def said(client, code: str) -> str:
    outputs = []
    client.execute_interactive(code, timeout=60, output_hook=lambda message: outputs.append(message["content"]))
    return "".join(one.get("text", "") for one in outputs)


def test_the_kernelspec_and_the_entry_point_are_shipped():
    spec = json.loads((ROOT / "jupyter-config/kernels/autoloop/kernel.json").read_text())
    assert spec["metadata"]["kernel_provisioner"]["provisioner_name"] == NAME
    text = (ROOT / "pyproject.toml").read_text()
    value = "autoloop_kernel.execution.provisioner:AutoloopProvisioner"
    assert f'{NAME} = "{value}"' in text
    assert '"jupyter-config/kernels" = "share/jupyter/kernels"' in text
    assert EntryPoint(NAME, value, "jupyter_client.kernel_provisioners").load() is AutoloopProvisioner


def test_a_persons_kernel_is_fresh_at_first_and_forked_when_restarted(tmp_path):
    spec = KernelSpec(**json.loads((ROOT / "jupyter-config/kernels/autoloop/kernel.json").read_text()))
    manager = KernelManager(connection_file=str(tmp_path / "c.json"), transport="ipc", ip=str(tmp_path / "k"))
    manager._kernel_spec = spec
    manager.kernel_id = "a-persons"
    manager.provisioner = AutoloopProvisioner(kernel_id="a-persons", kernel_spec=spec, parent=manager)
    manager.start_kernel(cwd=str(tmp_path))
    try:
        assert not forked(manager)
        [zygote] = provisioner._zygotes.values()
        assert zygote.settled.wait(120)
        assert zygote.fault == ""
        manager.restart_kernel(now=True)
        assert forked(manager)
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        assert said(client, "print(6 * 7)") == "42\n"
        waiting = client.execute("import time; print('now', flush=True); time.sleep(600)")
        while client.get_iopub_msg(timeout=60)["msg_type"] != "stream":  # not before it is in the cell
            continue
        manager.interrupt_kernel()
        assert client.get_shell_msg(timeout=60)["parent_header"]["msg_id"] == waiting
        client.stop_channels()
        pid = manager.provisioner.pid
        manager.shutdown_kernel(now=True)
        until = time.monotonic() + 20
        while psutil.pid_exists(pid) and time.monotonic() < until:
            time.sleep(0.05)
        assert not psutil.pid_exists(pid)
    finally:
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)
        for zygote in provisioner._zygotes.values():
            zygote.close()
        provisioner._zygotes.clear()
