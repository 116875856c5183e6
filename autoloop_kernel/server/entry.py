"""The address that opens JupyterLab on an arena with the panel beside it: `<base_url>autoloop/lab/PATH`.

JupyterLab's own address would need a query for it, to which the server appends its token with another question mark.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlencode

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

from autoloop_kernel.server.errors import Refused
from autoloop_kernel.server.paths import arena_at
from autoloop_kernel.server.stream import AUTH_RESOURCE


class EntryHandler(JupyterHandler):
    """Sends whoever is logged in, and may read arenas, on to JupyterLab, with the arena open and chosen."""

    auth_resource = AUTH_RESOURCE

    @web.authenticated
    @authorized(action="read", resource=AUTH_RESOURCE)  # type: ignore[untyped-decorator]  # carries no types
    def get(self, path: str) -> None:
        """Redirect; 403 and 404 as for every other path."""
        root = Path(self.settings["server_root_dir"]).expanduser().resolve()
        try:
            arena_at(root, path)
        except Refused as error:
            raise web.HTTPError(error.status, "%s", str(error)) from None
        place = url_path_join(self.base_url, "lab", "tree", quote(path))
        self.redirect(f"{place}?{urlencode({'autoloop': path})}")
