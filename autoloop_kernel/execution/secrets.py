"""Which environment variables hold secrets, by their names: no process that runs an agent's code is given them."""

from __future__ import annotations

from collections.abc import Mapping

SECRET = (
    *("API_KEY", "APIKEY", "API_TOKEN", "_TOKEN", "_SECRET", "_SECRETS", "_PASSWORD", "_PASSWD", "_PASSPHRASE"),
    *("_ACCESS_KEY", "_SECRET_KEY", "_PRIVATE_KEY", "_SIGNING_KEY", "_CREDENTIALS", "_CUSTOM_HEADERS"),
)
"""Endings of such names. A run has no use for them: what it needs of data lies beside the arena."""

NAMES = ("TOKEN", "SECRET", "PASSWORD")
"""Names that are such as a whole."""


def unsecret(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables without those that look like secrets."""
    return {
        name: value
        for name, value in environment.items()
        if not name.upper().endswith(SECRET) and name.upper() not in NAMES
    }
