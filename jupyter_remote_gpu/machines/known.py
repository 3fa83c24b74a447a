"""A machine the user has added, as it is remembered between notebooks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from jupyter_remote_gpu.errors import RequestError

from . import flags, gpus
from .embedded import EMBEDDED_NAME

LONGEST_NAME = 40
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HOST = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:@\s]+)(?::(?P<port>\d+))?"
)
_MOST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found on a machine when it was last reached: `at` is Unix time, sizes in bytes."""

    at: float
    gpus: tuple[str, ...] = ()
    disk_free: int = 0
    python: str = ""


@dataclass(frozen=True, slots=True)
class KnownMachine:
    """One added machine.

    `host` and `options` are what ssh is told (`options` before the host, each a
    word); `token` is this client's word to the agent there and shown nowhere;
    `agent` is what the way to the agent remembers (`machines.ssh.reaching`),
    None until it was reached. `scripts` says that its scripts may act in pages.
    """

    name: str
    host: str
    options: tuple[str, ...] = ()
    trusted: bool = False
    scripts: bool = False
    token: str = field(default="", repr=False)
    agent: Mapping[str, Any] | None = None
    seen: Seen | None = None

    def pack(self) -> dict[str, Any]:
        """Return it as JSON can carry it; `unpack` reads that."""
        return {key: value for key, value in asdict(self).items() if key != "name"}

    @classmethod
    def unpack(cls, name: str, fields: Any) -> KnownMachine:
        """Return the machine that `pack` wrote; ValueError if it is none."""
        try:
            seen = fields.get("seen")
            return cls(
                name=_typed(name, str),
                host=_typed(fields["host"], str),
                options=_texts(fields.get("options", ())),
                trusted=_typed(fields.get("trusted", False), bool),
                scripts=_typed(fields.get("scripts", False), bool),
                token=_typed(fields.get("token", ""), str),
                agent=None if fields.get("agent") is None else dict(fields["agent"]),
                seen=None if seen is None else _seen(seen),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{name!r} is no machine: {error}") from error


def check_name(name: str, verbs: frozenset[str] = frozenset()) -> None:
    """Raise RequestError for a name that could be taken for something else.

    `verbs` are the words that mean something where machines are named.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise RequestError(
            f"'{name}' cannot be a machine's name.",
            hint="Take up to 40 letters, digits, dots, dashes and underscores, such as gpu-box.",
        )
    word = name.lower()
    taken = ""
    if word == EMBEDDED_NAME:
        taken = "the name of the machine that is always there"
    elif word in verbs:
        taken = "a verb of %remote_gpu"
    elif word in flags.BY_NAME:
        taken = "a flag"
    elif gpus.is_gpu(word):
        taken = "a GPU's name, with which a machine is asked for"
    if taken:
        raise RequestError(
            f"'{name}' is {taken}; a machine needs another name.", hint=f"Such as my-{word}."
        )


def parse_host(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the host as ssh takes it, and the options for a port written behind it.

    `text` is a name of `~/.ssh/config`, or [user@]host[:port]; RequestError otherwise.
    """
    found = _HOST.fullmatch(text)
    if found is None or text.startswith("-"):
        raise RequestError(
            f"'{text}' is no host that ssh could be given.",
            hint="Write a name of your ~/.ssh/config, or user@host, or user@host:port.",
        )
    host = found["host"].strip("[]")
    whole = f"{found['user']}@{host}" if found["user"] else host
    if found["port"] is None:
        return whole, ()
    if not 1 <= int(found["port"]) <= _MOST_PORT:
        raise RequestError(f"'{found['port']}' is no port; ports go from 1 to {_MOST_PORT}.")
    return whole, ("-p", found["port"])


def _seen(fields: Mapping[str, Any]) -> Seen:
    return Seen(
        at=float(fields["at"]),
        gpus=_texts(fields.get("gpus", ())),
        disk_free=int(fields.get("disk_free", 0)),
        python=_typed(fields.get("python", ""), str),
    )


def _texts(found: Any) -> tuple[str, ...]:
    if isinstance(found, str):
        raise TypeError("a list of texts was expected")
    return tuple(_typed(text, str) for text in found)


def _typed(found: Any, kind: type) -> Any:
    if not isinstance(found, kind):
        raise TypeError(f"{found!r} is not of type {kind.__name__}")
    return found
