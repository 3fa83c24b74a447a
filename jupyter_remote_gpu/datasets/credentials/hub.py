"""The Hub's token: from the environment, its file, Colab, the keyring, or its own library."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from pathlib import Path

from .credential import Credential, usable
from .vaults import colab_secret, keyring_secret

_log = logging.getLogger(__name__)

LOOKED_AT = (
    "HF_TOKEN in the environment, the file that `hf auth login` writes, Colab's secret HF_TOKEN,"
    " the keyring"
)


def hub_credential() -> Credential | None:
    """Return the first token that is found on this computer, or None; kept nowhere else.

    A library of the Hub that this process has loaded is asked for its own
    first; it is loaded for a login that it alone can renew, and for the exchange
    of tokens in CI. May block on the network then.
    """
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        token = usable(os.environ.get(name))
        if token:
            return Credential(f"{name} in the environment", token)
    if "huggingface_hub" in sys.modules or "HF_OIDC_RESOURCE" in os.environ:
        token = _of_library()
        if token:
            return Credential("huggingface_hub's own login", token)
    path = _file()
    token = usable(_text(path))
    if token:
        # A login in a browser ends after a while; only the library knows how to renew it.
        renewed = _of_library() if "refresh_token" in _text(path.with_name("stored_tokens")) else ""
        return Credential(str(path), renewed or token)
    for where, token in (
        ("the secret HF_TOKEN of Colab", colab_secret("HF_TOKEN")),
        ("the keyring", keyring_secret("huggingface")),
    ):
        if token:
            return Credential(where, token)
    return None


def _of_library() -> str:
    """Return the token that the Hub's own library finds; "" if it is not there, or finds none."""
    try:
        library = importlib.import_module("huggingface_hub")
    except ImportError:
        return ""
    try:
        return usable(library.get_token())
    except Exception as error:  # what its exchange of tokens, and the network, may raise
        _log.debug("huggingface_hub gives no token: %s", type(error).__name__)
        return ""


def _file() -> Path:
    said = os.environ.get("HF_TOKEN_PATH")
    if said:
        return Path(os.path.expandvars(said)).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    home = os.environ.get("HF_HOME") or os.path.join(cache, "huggingface")
    return Path(os.path.expandvars(home)).expanduser() / "token"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
