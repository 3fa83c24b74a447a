"""Where programs put secrets besides files: Colab's secrets, and the system's keyring."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
import threading
from typing import Any

from .credential import usable

_log = logging.getLogger(__name__)

SERVICE = "jupyter_remote_gpu"
"""The name under which the keyring keeps what belongs to this package."""
_one_at_a_time = threading.Lock()
_asked: dict[str, str] = {}


def colab_secret(name: str) -> str:
    """Return a secret of the Colab notebook this process belongs to, else "".

    The first time a person may have to allow it; the answer is remembered until `ask_anew`.
    Colab's own code deadlocks if two threads ask, so one asks at a time.
    """
    userdata: Any = sys.modules.get("google.colab.userdata")
    if userdata is None and "COLAB_RELEASE_TAG" in os.environ:
        userdata = _imported("google.colab.userdata")
    if userdata is None:
        return ""
    with _one_at_a_time:
        if name not in _asked:
            try:
                _asked[name] = usable(userdata.get(name))
            except Exception as error:  # each of its refusals is a class of its own
                _log.debug("Colab gives no secret %s: %s", name, type(error).__name__)
                _asked[name] = ""
        return _asked[name]


def ask_anew() -> None:
    """Have Colab asked again: after a refusal the user puts or allows another secret."""
    with _one_at_a_time:
        _asked.clear()


def keyring_secret(name: str) -> str:
    """Return what the system's keyring has under `name`, else ""; may ask for its password."""
    if importlib.util.find_spec("keyring") is None:
        return ""
    keyring = _imported("keyring")
    if keyring is None:
        return ""
    with _one_at_a_time:
        try:
            return usable(keyring.get_password(SERVICE, name))
        except Exception as error:  # back ends raise what they like: D-Bus, locked, none there
            _log.debug("the keyring gives nothing: %s", type(error).__name__)
            return ""


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        _log.debug("%s is not there: %s", name, error)
        return None
