"""Kaggle's credentials in every form Kaggle has: access token, key, and login in a browser."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import CredentialsRefusedError

from .credential import Credential, usable
from .vaults import colab_secret, keyring_secret

_log = logging.getLogger(__name__)

_warned: set[Path] = set()
_RENEW_SECONDS = 300.0
_LONGEST_PATH = 1024
LOOKED_AT = (
    "KAGGLE_API_TOKEN, or KAGGLE_USERNAME with KAGGLE_KEY, in the environment;"
    " ~/.kaggle/access_token, ~/.kaggle/kaggle.json and ~/.kaggle/credentials.json;"
    " Colab's secrets; the keyring"
)

Renew = Callable[[str], str]
"""From a login's refresh token to a new access token; asks Kaggle."""


def kaggle_credential(renew: Renew) -> Credential | None:
    """Return the first credential that is found on this computer, or None; kept nowhere else.

    The order is kagglehub's, which leaves out logins: what `kagglehub.login()` was
    told in this process, environment and token files, keys, a login, Colab, the
    keyring. `renew` is asked only for a login whose token has ended; what it gives
    is not written to disk. Raises CredentialsRefusedError for a file that cannot be
    read as what it is.
    """
    login = partial(_login, renew)
    looks = (_in_process, _token, _token_file, _key, _key_file, login, _colab, _keyring)
    for look in looks:
        found = look()
        if found is not None:
            return found
    return None


def _in_process() -> Credential | None:
    """Return what this process told kagglehub, which keeps it nowhere else."""
    library: Any = sys.modules.get("kagglehub.config")
    said = getattr(library, "_kaggle_credentials", None)
    token, user, key = (usable(getattr(said, n, None)) for n in ("api_key", "username", "key"))
    if token:
        return Credential("kagglehub's own login", token)
    return Credential("kagglehub's own login", key, user) if user and key else None


def _token() -> Credential | None:
    # Kaggle's own notebooks are given a file; elsewhere the variable may name one, too.
    given = os.environ.get("KAGGLE_API_V1_TOKEN")
    if given and "KAGGLE_KERNEL_RUN_TYPE" in os.environ and usable(_text(Path(given))):
        return Credential("the file of this Kaggle notebook", usable(_text(Path(given))))
    said = os.environ.get("KAGGLE_API_TOKEN", "")
    named = _text(Path(said).expanduser()) if 0 < len(said) < _LONGEST_PATH else None
    token = usable(said if named is None else named)
    return Credential("KAGGLE_API_TOKEN in the environment", token) if token else None


def _token_file() -> Credential | None:
    for name in ("access_token", "access_token.txt"):
        path = _home() / name
        token = usable(_text(path))
        if token:
            return Credential(str(path), token)
    return None


def _key() -> Credential | None:
    user, key = usable(os.environ.get("KAGGLE_USERNAME")), usable(os.environ.get("KAGGLE_KEY"))
    if not user or not key:
        return None
    return Credential("KAGGLE_USERNAME and KAGGLE_KEY in the environment", key, user)


def _key_file() -> Credential | None:
    configured = os.environ.get("KAGGLE_CONFIG_DIR")
    folders = [_home(), Path.home() / ".config" / "kaggle"]
    for folder in [Path(configured).expanduser()] if configured else folders:
        text = _text(folder / "kaggle.json")
        if text is not None:
            return _of_key_file(folder / "kaggle.json", text)
    return None


def _of_key_file(path: Path, text: str) -> Credential:
    try:
        said = json.loads(text)
        user, key = usable(said["username"]), usable(said["key"])
    except (ValueError, KeyError, TypeError, AttributeError):
        user = key = ""
    if not user or not key:
        raise CredentialsRefusedError(
            f"{path} does not hold a user's name and key as Kaggle writes them.",
            hint="Download it anew from https://www.kaggle.com/settings, or delete it.",
        )
    _warn_if_open(path)
    return Credential(str(path), key, user)


def _warn_if_open(path: Path) -> None:
    """Say once, as Kaggle's own program does, that others on this computer can read a key."""
    if os.name == "posix" and path.stat().st_mode & 0o077 and path not in _warned:
        _warned.add(path)
        _log.warning("Others on this computer can read your Kaggle key: chmod 600 %s", path)


def _colab() -> Credential | None:
    token = colab_secret("KAGGLE_API_TOKEN")
    if token:
        return Credential("the secret KAGGLE_API_TOKEN of Colab", token)
    user, key = colab_secret("KAGGLE_USERNAME"), colab_secret("KAGGLE_KEY")
    if not user or not key:
        return None
    return Credential("the secrets KAGGLE_USERNAME and KAGGLE_KEY of Colab", key, user)


def _keyring() -> Credential | None:
    token = keyring_secret("kaggle")
    return Credential("the keyring", token) if token else None


def _login(renew: Renew) -> Credential | None:
    """Return the token of `kaggle auth login`, with a new one if its own has ended."""
    path = _home() / "credentials.json"
    text = _text(path)
    if text is None:
        return None
    try:
        said = json.loads(text)
        refresh, token = usable(said.get("refresh_token")), usable(said.get("access_token"))
        ends = said.get("access_token_expiration") or ""
    except (ValueError, AttributeError):
        return None
    if token and _moment(ends) > time.time() + _RENEW_SECONDS:
        return Credential(str(path), token)
    if not refresh:
        return None
    return Credential(f"{path} (renewed)", renew(refresh))


def _moment(text: str) -> float:
    try:
        ends = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (ValueError, AttributeError):
        return 0.0
    return (ends if ends.tzinfo else ends.replace(tzinfo=timezone.utc)).timestamp()


def _home() -> Path:
    return Path.home() / ".kaggle"


def _text(path: Path) -> str | None:
    """Return what a file holds; None if there is no such file, or none we may read."""
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else None
    except (OSError, UnicodeDecodeError):
        return None
