"""`dataset("kaggle://…")` in local cells: the same name as in remote ones, read from afar."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_remote_gpu.session.cell_data import ProjectData

if TYPE_CHECKING:
    from jupyter_remote_gpu.datasets.data_path import DataPath
    from jupyter_remote_gpu.datasets.here import DatasetsHere

NAME = "dataset"


class LocalData:
    """What the name `dataset` does in a notebook's own cells.

    `cache` is where files stay that were brought whole; `say` shows a line.
    """

    def __init__(self, data: ProjectData, cache: Path, say: Callable[[str], None]) -> None:
        self._data = data
        self._cache, self._say = cache, say
        self._here: DatasetsHere | None = None
        self._bound = self.dataset

    def install(self) -> None:
        """Let every cell find `dataset`, as it finds `print`: a name of the user's own hides it."""
        if not hasattr(builtins, NAME):
            setattr(builtins, NAME, self._bound)

    def remove(self) -> None:
        """Undo `install`."""
        if getattr(builtins, NAME, None) is self._bound:
            delattr(builtins, NAME)

    def dataset(self, address: str) -> DataPath | Path:
        """Return the folder with the data of an address; only what is read of it comes here.

        It is used like a path: `dataset(…) / "train.csv"`, `open`, `iterdir`, `glob`.
        An address is kaggle://OWNER/NAME, kaggle-competition://NAME,
        hf://datasets/ORG/NAME, hf://ORG/MODEL, https://…, s3://…, gs://… and others;
        with @VERSION where there are versions. Raises DatasetError and its kin.
        """
        if not isinstance(address, str):
            raise TypeError(f"an address of data is a text, not {type(address).__name__}")
        if self._here is None:
            # What speaks to servers is loaded when data are first asked for.
            from jupyter_remote_gpu.datasets.here import DatasetsHere

            self._here = DatasetsHere(self._data, self._cache, self._say)
        return self._here.dataset(address.strip())
