"""`dataset(address)` in a plain Python script of this computer: only what is read comes here."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jupyter_remote_gpu.commands.data import project_data
from jupyter_remote_gpu.config import from_files
from jupyter_remote_gpu.datasets.here import DatasetsHere

if TYPE_CHECKING:
    from jupyter_remote_gpu.datasets.data_path import DataPath


@functools.cache
def datasets_here() -> DatasetsHere:
    """Return what this process looks at, made once. Lines for the user go to stderr.

    Local addresses are relative to the folder that the process was in then, as they
    are for `remote-gpu run`.
    """
    settings = from_files().plain()
    return DatasetsHere(project_data(settings, Path.cwd()), settings.cache / "datasets", _say)


def dataset(address: str) -> DataPath | Path:
    """Return the data's path; raises as `DatasetsHere.dataset`."""
    return datasets_here().dataset(address)


def _say(text: str) -> None:
    click.echo(text, err=True)
