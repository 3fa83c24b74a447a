"""Where pip looks for packages here: uv is told the same where it has no settings of its own."""

from __future__ import annotations

import configparser
import os
import sys
from dataclasses import dataclass
from pathlib import Path

_UV_OWN = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")


@dataclass(frozen=True, slots=True)
class PipSettings:
    """What pip is configured with. It may hold passwords: it goes to uv's environment alone.

    Indexes on this computer's disk are not among it: no machine could fetch from them, and
    uv, which asks one index a name, would prefer them for all that they have.
    """

    default: str = ""
    extra: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    def environ(self, *, links: bool) -> dict[str, str]:
        """Return what uv reads: the user's own index first, so that no stranger's name wins.

        Folders of packages only if `links`: they are asked where the others have nothing
        that fits, because a machine cannot reach them.
        What the user has set for uv itself counts instead.
        """
        found: dict[str, str] = {}
        if not any(os.environ.get(name) for name in _UV_OWN):
            if self.default:
                found["UV_DEFAULT_INDEX"] = self.default
            if self.extra:
                found["UV_INDEX"] = " ".join(self.extra)
        if links and self.links and not os.environ.get("UV_FIND_LINKS"):
            found["UV_FIND_LINKS"] = ",".join(self.links)
        return found


def pip_settings() -> PipSettings:
    """Read pip's files and variables, as pip does; what cannot be read counts as empty."""
    found: dict[str, str] = {}
    for path in _files():
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            # pip itself fails on such a file, and says so where the user calls it.
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update(parser.items(section))
    for name in ("index-url", "extra-index-url", "find-links"):
        variable = f"PIP_{name.upper().replace('-', '_')}"
        if os.environ.get(variable):
            found[name] = os.environ[variable]
    default, extra = found.get("index-url", ""), found.get("extra-index-url", "").split()
    return PipSettings(
        default="" if default.startswith("file:") else default,
        extra=tuple(url for url in extra if not url.startswith("file:")),
        links=tuple(found.get("find-links", "").split()),
    )


def _files() -> list[Path]:
    """Return pip's configuration files, the one that counts most last."""
    given = os.environ.get("PIP_CONFIG_FILE")
    if given == os.devnull:
        return []
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    support = os.path.expanduser("~/Library/Application Support/pip/pip.conf")
    places = ["/etc/pip.conf", os.path.expanduser("~/.pip/pip.conf"), f"{config}/pip/pip.conf"]
    places += [support, f"{sys.prefix}/pip.conf", *([given] if given else [])]
    return [Path(place) for place in places if os.path.isfile(place)]
