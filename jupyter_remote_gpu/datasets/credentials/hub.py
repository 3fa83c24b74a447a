"""The Hub's token: from the environment, its file, Colab, the keyring, or its own library."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from .credential import Credential, usable
from .vaults import colab_secret, keyring_secret

LOOKED_AT = (
    "HF_TOKEN in the environment, the file that `hf auth login` writes, Colab's secret HF_TOKEN,"
    " the keyring"
)


def hub_credential() -> Credential | None:
    """Return the first token that is found on this computer, or None; kept nowhere else.

    A library of the Hub that this process has loaded is asked for its own
    first: it renews logins that end. May block on the network then.
    """
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        token = usable(os.environ.get(name))
        if token:
            return Credential(f"{name} in the environment", token)
    if "huggingface_hub" in sys.modules:
        library = importlib.import_module("huggingface_hub")
        token = usable(library.get_token())
        if token:
            return Credential("huggingface_hub's own login", token)
    for path in _files():
        try:
            token = usable(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        if token:
            return Credential(str(path), token)
    for where, token in (
        ("the secret HF_TOKEN of Colab", colab_secret("HF_TOKEN")),
        ("the keyring", keyring_secret("huggingface")),
    ):
        if token:
            return Credential(where, token)
    return None


def _files() -> list[Path]:
    said = os.environ.get("HF_TOKEN_PATH")
    if said:
        return [Path(os.path.expandvars(said)).expanduser()]
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    home = os.environ.get("HF_HOME") or os.path.join(cache, "huggingface")
    return [Path(os.path.expandvars(home)).expanduser() / "token"]
