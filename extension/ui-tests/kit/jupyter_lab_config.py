"""How JupyterLab is started for the browser tests: Galata's helper is there, and whoever asks must log in."""

from pathlib import Path

from jupyterlab import galata

c = get_config()  # type: ignore[name-defined] # noqa: F821

# Galata's own configuration turns tokens and XSRF checks off as well: they are to stay, for they are tested too.
c.LabServerApp.extra_labextensions_path = [str(Path(galata.__file__).parent)]
c.LabApp.expose_app_in_browser = True
# Notebook 7 is served beside it, at /tree and /notebooks.
c.JupyterNotebookApp.expose_app_in_browser = True

c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"

c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.allow_unauthenticated_access = False
