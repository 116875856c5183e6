"""The Jupyter server extension: REST and an event stream below `<base_url>autoloop/api/`, for the panel and for others.

Light: a server that starts with it imports no more than the handlers; what they need comes with the first request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _load_jupyter_server_extension(serverapp: ServerApp) -> None:
    """Add the handlers to a server that starts."""
    from autoloop_kernel.server.handlers import handlers

    application: Any = serverapp.web_app  # carries no types
    base_url = application.settings["base_url"]
    application.add_handlers(".*$", handlers(base_url))
    serverapp.log.info("Autoloop is served at %sautoloop/api/", base_url)
