"""The wheel as a user gets it: built once, put into a fresh environment that has no Node, found by Jupyter by itself.

The environment has Python's own `venv` and our wheel; what the wheel depends on comes from the environment that runs
the tests, through a path file. So all of ours that is found is the wheel's, not the checkout's.
"""

from __future__ import annotations

import json
import re
import site
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from server_kit import Server
from stream_kit import Client

ROOT = Path(__file__).parent.parent
LAB = "share/jupyter/labextensions/@autoloop/lab"
SERVER = "etc/jupyter/jupyter_server_config.d/autoloop_kernel.json"

# One worker builds, and has the environment to itself.
pytestmark = [pytest.mark.xdist_group("install"), pytest.mark.timeout(600)]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*build, "--disable-pip-version-check", "-w", str(folder), str(ROOT)], check=True, timeout=500)
    return next(folder.glob("*.whl"))


class Home:
    """A fresh environment with the wheel in it; `run` runs one of its commands with nothing else on the PATH."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder, self.path = folder / "env", folder / "bin"
        venv.create(self.path.parent / "env", with_pip=False, symlinks=True)
        self.python = self.folder / "bin" / "python"
        self.site = Path(sysconfig.get_path("purelib", "venv", {"base": str(self.folder)}))
        install = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--no-deps", "--no-index"]
        # Before the path file: pip would find the checkout's own installation through it, and take that away.
        subprocess.run(
            [*install, "--quiet", "--disable-pip-version-check", str(wheel)], check=True, env=self.environment
        )
        (self.site / "dependencies.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """Folders of its own for all that Jupyter keeps, and a PATH on which there is no Node."""
        home = self.folder.parent / "home"
        own = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
        return own | {"PATH": str(self.folder / "bin"), "HOME": str(home), "LANG": "C.UTF-8"}

    def run(self, *command: str) -> str:
        """What `python -m COMMAND` says, on both channels."""
        done = subprocess.run(
            [str(self.python), "-m", *command],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout
        return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)


@pytest.fixture(scope="session")
def home(wheel, tmp_path_factory) -> Home:
    return Home(tmp_path_factory.mktemp("fresh"), wheel)


def test_the_wheel_holds_what_jupyter_looks_for(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        data = next(name for name in names if name.endswith("/data/" + SERVER)).removesuffix(SERVER)
        config = json.loads(archive.read(data + SERVER))
        package = json.loads(archive.read(f"{data}{LAB}/package.json"))
        install = json.loads(archive.read(f"{data}{LAB}/install.json"))
    assert config == {"ServerApp": {"jpserver_extensions": {"autoloop_kernel.server": True}}}
    assert package["name"] == "@autoloop/lab"
    assert install["packageManager"] == "python"
    assert install["packageName"] == "autoloop-kernel"
    assert f"{data}{LAB}/{package['jupyterlab']['_build']['load']}" in names
    assert f"{data}{LAB}/static/style.js" in names
    assert [name for name in names if name.startswith(f"{data}{LAB}/schemas/@autoloop/lab/") and name.endswith(".json")]
    assert not [name for name in names if "node_modules/" in name or name.endswith((".ts", ".tsx"))]
    kernel = f"{data}share/jupyter/kernels/autoloop/"
    held = {name.removeprefix(kernel) for name in names if name.startswith(kernel)}
    assert held == {"kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"}


def test_ours_is_the_wheels_and_there_is_no_node(home):
    code = "import autoloop_kernel, shutil; print(autoloop_kernel.__file__, shutil.which('node'), shutil.which('jlpm'))"
    command = [home.python, "-c", code]
    told = subprocess.check_output(command, env=home.environment, cwd=home.folder, text=True)
    file, *tools = told.split()
    assert Path(file).is_relative_to(home.folder)
    assert tools == ["None", "None"]


def test_jupyterlab_finds_it_enabled_and_in_order(home):
    listed = home.run("jupyterlab.labextensions", "list")
    line = next(line for line in listed.splitlines() if "@autoloop/lab" in line)
    assert re.search(r"v\d+\.\d+\.\d+ enabled OK \(python, autoloop-kernel\)", line), listed
    assert str(home.folder / LAB).rpartition("/@autoloop")[0] in listed
    assert "not compatible" not in listed


def test_the_server_finds_it_enabled_and_in_order(home):
    listed = home.run("jupyter_server.extension.serverextension", "list")
    assert re.search(r"autoloop_kernel\.server\s+enabled", listed), listed
    assert re.search(r"autoloop_kernel\.server \S* ?OK", listed), listed
    assert str(home.folder / "etc" / "jupyter") in listed


class Installed(Server):
    """A server of the fresh environment, which is told nothing of ours: that it is there must come from the wheel."""

    def __init__(self, home: Home, root: Path, own: Path) -> None:
        self._installed = home
        super().__init__(root, own)

    def _configure(self, port: int = 0) -> None:
        super()._configure(port)
        path = self.home / "config" / "jupyter_server_config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        del config["ServerApp"]["jpserver_extensions"]
        path.write_text(json.dumps(config), encoding="utf-8")

    def _start(self) -> subprocess.Popen[bytes]:
        own = {name: value for name, value in super()._environment().items() if name.startswith("JUPYTER")}
        own.pop("JUPYTER_CONFIG_PATH"), own.pop("JUPYTER_PREFER_ENV_PATH")
        return subprocess.Popen(
            [str(self._installed.python), "-m", "jupyter_server"],
            cwd=self.root,
            env=self._installed.environment | own,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def test_a_server_serves_it_by_itself_from_template_to_verdict(home, tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "own").mkdir()
    server = Installed(home, tmp_path / "root", tmp_path / "own")
    try:
        told = server.get("arenas").json
        assert told["arenas"] == []
        assert "function_min" in [template["name"] for template in told["templates"]]
        made = server.post("arenas", template="function_min", folder="")
        assert made.status == 201, made.body
        arena = made.json["path"]
        assert [item["path"] for item in server.get("arenas").json["arenas"]] == [arena]
        with Client(server, arena) as client:
            started = server.post("step", arena=arena, agents=["search"], review=False)
            assert started.status < 300, started.body
            client.wait(lambda c: "driver.stop" in c.kinds and c.rows[1]["verdict"], "a verdict")
            client.wait(lambda c: c.state["state"] == "idle", "the end")
        assert client.rows[1]["verdict"] == "keep", client.rows[1]
    finally:
        server.close()
