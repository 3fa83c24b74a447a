"""Noticing which packages a cell installed or removed in the kernel's environment."""

from __future__ import annotations

import json
import os
import re
import sys
import sysconfig
from pathlib import Path
from typing import Any

_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")


class PackageWatch:
    """Compares the environment before and after each run; one `stat` where nothing changed.

    Packages that the agent installs are in the environment's stamp and are not
    reported: only what came by the user's own hand is. Without a stamp beside
    the environment nothing is watched. Used by the thread that runs cells.
    """

    def __init__(self, prefix: str = sys.prefix, folder: Path | None = None) -> None:
        self._stamp = Path(f"{prefix}.json")
        self._folder = folder or Path(sysconfig.get_path("purelib"))
        self._mark: int | None = None
        self._before: dict[str, str] = {}

    def begin(self) -> None:
        """Note what there is, before the first run; later calls do nothing."""
        if self._mark is None:
            self._mark = self._changed() if self._stamp.exists() else 0
            self._before = self._listed() if self._mark else {}

    def report(self) -> dict[str, Any] | None:
        """Return what a run changed, or None: {"came": {name: line}, "went": {name: version}}.

        A line is what one asks for that package with on another machine; it is
        empty for what came only because another package needs it.
        """
        if not self._mark:
            return None
        mark = self._changed()
        if mark == self._mark:
            return None
        now, before = self._listed(), self._before
        self._mark, self._before = mark, now
        own = self._locked()
        came = {n: v for n, v in sorted(now.items()) if before.get(n) != v and own.get(n) != v}
        went = {n: v for n, v in before.items() if n not in now}
        if not came and not went:
            return None
        return {"came": {n: self._line(n, v) for n, v in came.items()}, "went": went}

    def _changed(self) -> int:
        try:
            return os.stat(self._folder).st_mtime_ns
        except OSError:
            return 1  # removed as a whole; what there was is gone

    def _listed(self) -> dict[str, str]:
        """Return {name: version} as the folders of the environment's packages are named."""
        return distributions_in(self._folder)

    def _locked(self) -> dict[str, str]:
        """Return the packages that the agent has installed, or is installing."""
        try:
            stamp = json.loads(self._stamp.read_bytes())
        except (OSError, ValueError):
            # the environment is being made anew: all that comes is somebody's own
            return {}
        found = dict(stamp.get("building") or {})
        for packages in stamp["digests"].values():
            found.update(packages)
        return found

    def _line(self, name: str, version: str) -> str:
        """Return the requirement that installs a package again; "" if nobody asked for it."""
        folder = self._info(name, version)
        if folder is None or not (folder / "REQUESTED").exists():
            return ""
        try:
            origin = json.loads((folder / "direct_url.json").read_bytes())
        except (OSError, ValueError):
            # it came from an index, as most do
            return f"{name}=={version}"
        address = _PASSWORD.sub("", str(origin.get("url", "")))
        if origin.get("dir_info", {}).get("editable"):
            return f"-e {address.removeprefix('file://')}"
        vcs = origin.get("vcs_info")
        if vcs:
            return f"{name} @ {vcs['vcs']}+{address}@{vcs['commit_id']}"
        return f"{name} @ {address}"

    def _info(self, name: str, version: str) -> Path | None:
        for path in self._folder.glob(f"*-{version}.dist-info"):
            found = path.name.removesuffix(f"-{version}.dist-info")
            if normal_name(found) == name:
                return path
        return None


def distributions_in(folder: Path) -> dict[str, str]:
    """Return {name: version} of a folder's packages as their own folders are named."""
    found: dict[str, str] = {}
    if folder.is_dir():
        for entry in os.scandir(folder):
            if entry.name.endswith(".dist-info"):
                name, _, version = entry.name.removesuffix(".dist-info").partition("-")
                found[normal_name(name)] = version
    return found


def normal_name(name: str) -> str:
    """Return a package's name as indexes write it (PEP 503); no library for it is loaded here."""
    return re.sub(r"[-_.]+", "-", name).lower()
