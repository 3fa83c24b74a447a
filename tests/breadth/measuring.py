"""Measures one sample: out and back, looked at, changed there, and the other way round.

What it shows is compared with the same lines run in one process. Two other
names for the value go along, so that a lost alias shows as a difference.
"""

from __future__ import annotations

import datetime
import decimal
import importlib.metadata
import os
import pathlib
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu.errors import CannotTravelError
from tests.state.hosts import OtherProcess, execute, fresh_main
from tests.state.notebook import Coherent

from .samples import Sample

TRAVELS, REFUSED, DIFFERS, NOT_MEASURED = "travels", "refused", "differs", "not measured"
_REASON_CHARACTERS = 110
_INDIVISIBLE = (
    *(bool, int, float, complex, str, bytes, type(None), uuid.UUID, pathlib.PurePath),
    *(datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, decimal.Decimal),
)
"""Kinds whose equal values may be one object or several without anyone being able to mind."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a sample: one of the four words, and the reason in words."""

    outcome: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.outcome}: {self.why}" if self.why else self.outcome


def measure(sample: Sample, host: Any, *, trusted: bool = True) -> Finding:
    """Return what becomes of a sample between this process and `host`; blocks."""
    with _folder():
        cells = _cells(sample)
        names = fresh_main().__dict__
        expected = [execute(cell, f"<one {k}>", names) for k, cell in enumerate(cells)]
        errors = [error for _, error in expected if error]
        if errors:
            return Finding(NOT_MEASURED, _short(errors[0]))
        findings = []
        for first in (False, True):
            places = [first, not first, not first, first]
            findings.append(_placed(cells, places, expected, host, trusted=trusted))
    return min(findings, key=lambda f: (DIFFERS, REFUSED, TRAVELS).index(f.outcome))


def version(library: str) -> str:
    """Return the version of a library, by the name it is installed under; empty if it is not."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return ""


def open_host() -> OtherProcess:
    """Start the process that plays the machine."""
    return OtherProcess()


def _cells(sample: Sample) -> list[str]:
    """Return the cells: made, looked at (with `is`, unless it has no parts), changed, looked at."""
    names = fresh_main().__dict__
    execute(sample.make, "<made>", names)
    look = f"print({sample.look})"
    if not isinstance(names.get("value"), _INDIVISIBLE):
        look += "\nprint(alias is value, box[0] is value)"
    return [f"{sample.make}\nalias = value\nbox = [value]", look, sample.change, look]


def _placed(
    cells: list[str],
    places: list[bool],
    expected: list[tuple[str, str]],
    host: Any,
    *,
    trusted: bool,
) -> Finding:
    host.restart()
    notebook = Coherent(host, trusted=trusted)
    for cell, remote, wanted in zip(cells, places, expected, strict=True):
        try:
            shown = notebook.cell(cell, remote=remote)
        except CannotTravelError as error:
            way = "to the machine" if remote else "back"
            return Finding(REFUSED, f"{way}: {_reason(error.message)}")
        except AssertionError as error:
            refused = str(error).rpartition("CannotTravelError: ")[2]
            if refused == str(error):
                raise
            return Finding(REFUSED, f"to the machine: {_reason(refused)}")
        if shown != wanted:
            return Finding(DIFFERS, _short(f"{shown} instead of {wanted}"))
    return Finding(TRAVELS)


def _reason(message: str) -> str:
    """Return what a refusal says behind the names, which are the same for every sample."""
    for before in ("which cannot leave this computer: ", "cannot be copied: ", "rebuilt "):
        message = message.partition(before)[2] or message
    return _short(message.splitlines()[0])


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _REASON_CHARACTERS else f"{text[:_REASON_CHARACTERS]}…"


@contextmanager
def _folder() -> Iterator[None]:
    """Work in a folder that is gone afterwards: some samples write files."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
