"""The rows there are, in the order they run in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import (
    big_array,
    datasets,
    first_line,
    journal,
    lines,
    load_ext,
    looking,
    namespace,
    noop,
    ssh_cells,
    ssh_environment,
    ssh_reach,
    ssh_values,
    syncing,
    torch_import,
)
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
    Row("data-large", "A large dataset from Kaggle", datasets.measure_large),
    Row("data-many", "A dataset of many small files from Kaggle", datasets.measure_many),
    Row("ssh-noop", "No-op cell through SSH", ssh_cells.measure_noop),
    Row("ssh-lines", "Printed lines through SSH, and over a cut", ssh_cells.measure_lines),
    Row("ssh-first", "First line of a running cell through SSH", ssh_cells.measure_first),
    Row("ssh-array", "A large float32 array through SSH, LAN", ssh_values.measure_array),
    Row("ssh-long", "An array on a long path", ssh_values.measure_long),
    Row("ssh-line", "An array on a slow line", ssh_values.measure_line),
    Row("ssh-bulk", "Cells beside bulk on a slow line", ssh_values.measure_bulk),
    Row("ssh-known", "A known machine", ssh_reach.measure_known),
    Row("ssh-new", "A new machine", ssh_reach.measure_new),
    Row("ssh-env", "The packages of a notebook", ssh_environment.measure),
    Row("ssh-again", "Connecting again", ssh_reach.measure_again),
    Row("sync-look", "Looking at a project", looking.measure_look),
    Row("sync-walk", "Walking very many files", looking.measure_walk),
    Row("sync-apply", "Writing a project", looking.measure_apply),
    Row("sync-lan", "A project brought to a machine, LAN", syncing.measure_lan),
    Row("sync-line", "A project brought to a machine, slow line", syncing.measure_line),
)
