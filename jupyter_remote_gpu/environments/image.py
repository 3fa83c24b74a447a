"""Stand-ins for the packages of a machine's image, so that uv reckons with them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from .pylock import Package


def stand_ins(provided: Mapping[str, str], folder: Path) -> Path:
    """Make in `folder` an empty wheel for each package of an image, and return it.

    To uv they are packages that need nothing: what the image's own need is in the
    image. So whatever asks for `torch>=2` is content with `2.5.1+cu124`, which no
    index has, and another version is chosen only where the image's does not fit.
    """
    folder.mkdir(parents=True)
    for name, version in provided.items():
        stem = f"{re.sub(r'[-_.]+', '_', name)}-{version.replace('-', '_')}"
        inner = f"{stem}.dist-info"
        files = {
            f"{inner}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{inner}/WHEEL": "Wheel-Version: 1.0\nGenerator: jupyter_remote_gpu\n"
            "Root-Is-Purelib: true\nTag: py3-none-any\n",
        }
        files[f"{inner}/RECORD"] = "".join(f"{path},,\n" for path in files)
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            for path, text in files.items():
                wheel.writestr(path, text)
    return folder


def is_provided(one: Package, provided: Mapping[str, str]) -> bool:
    """Say whether the image has just this version of a package, so that none is installed."""
    return one.name in provided and same_version(one.version, provided[one.name])


def same_version(one: str, other: str) -> bool:
    """Say whether two texts name the same version; builds with other local parts differ."""
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other


def regular(provided: Mapping[str, str]) -> dict[str, str]:
    """Return an image's packages with names in their normal form and versions that are valid."""
    found: dict[str, str] = {}
    for name, version in provided.items():
        valid = _valid(version)
        # uv knows no other versions either: such a package counts as not there.
        if valid is not None:
            found[canonicalize_name(name)] = valid
    return found


def _valid(version: str) -> str | None:
    try:
        return str(Version(version))
    except InvalidVersion:
        return None
