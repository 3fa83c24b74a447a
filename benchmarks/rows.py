"""The rows there are, in the order they run in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import big_array, first_line, journal, lines, load_ext, namespace, noop, torch_import
from .figures import Comparison, Scale


@dataclass(frozen=True, slots=True)
class Row:
    """One benchmark: its name on the command line, and what measures it."""

    name: str
    title: str
    measure: Callable[[Scale], list[Comparison]]


ROWS = (
    Row("noop", "No-op cell, back to back", noop.measure),
    Row("lines", "Printed lines of 80 characters", lines.measure_lines),
    Row("flushed", "Flushed lines", lines.measure_flushed),
    Row("first", "First line of a running cell", first_line.measure),
    Row("journal", "Journal", journal.measure),
    Row("namespace", "A cell among many names", namespace.measure),
    Row("array", "A large float32 array", big_array.measure),
    Row("load", "Start", load_ext.measure),
    Row("torch", "First cell that imports torch", torch_import.measure),
)
