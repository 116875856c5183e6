"""Where the key comes from: the environment, else the keyring of the operating system. It is never written anywhere."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass, field

from autoloop_kernel.records import AutoloopError

KEY, TOKEN = "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"
SERVICE = "autoloop"
"""Under which service the keyring is asked, with `KEY` as the name of the user."""


@dataclass(frozen=True)
class Key:
    """A key, or a bearer token; both are empty for a server that asks for none. It does not show in any `repr`."""

    api_key: str = field(default="", repr=False)
    auth_token: str = field(default="", repr=False)

    def hidden_in(self, text: str) -> str:
        """The text without the key, should a server have answered with it."""
        for secret in (self.api_key, self.auth_token):
            text = text.replace(secret, "[the key]") if secret else text
        return text


def find(optional: bool = False) -> Key:
    """The key of this person. Raises `AutoloopError`, with how to mend it, where there is none (unless `optional`), and
    for what cannot be one.
    """
    if key := os.environ.get(KEY, "").strip():
        return Key(api_key=_sound(key, KEY))
    if token := os.environ.get(TOKEN, "").strip():
        return Key(auth_token=_sound(token, TOKEN))
    if key := _from_keyring():
        return Key(api_key=_sound(key, "the keyring"))
    if optional:
        return Key()
    raise AutoloopError(
        f"Claude needs a key, and there is none — export {KEY}, or keep it in the system's keyring: "
        f"keyring set {SERVICE} {KEY}"
    )


def _sound(key: str, where: str) -> str:
    """The key, where a header can hold it: one that cannot is quoted in the library's error, and so on record."""
    if all("!" <= character <= "~" for character in key):
        return key
    raise AutoloopError(
        f"{where} holds no key: there are blanks, line ends or signs beyond ASCII in it — copy the key alone, without "
        "quotes around it"
    )


def _from_keyring() -> str:
    """What the operating system's keyring holds; empty without the `keyring` package, or where it does not answer."""
    try:
        keyring = importlib.import_module("keyring")
        return str(keyring.get_password(SERVICE, KEY) or "").strip()
    except Exception:  # a keyring that is locked, broken or absent is one that has no key
        return ""
