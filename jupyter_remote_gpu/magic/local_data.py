"""`dataset("kaggle://…")` and `push_to_hub(…)` in local cells: the same names as in remote ones."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_remote_gpu.datasets.model_card import Record
from jupyter_remote_gpu.protocol.data_names import DataName
from jupyter_remote_gpu.session.cell_data import ProjectData
from jupyter_remote_gpu.session.cell_push import CellPush
from jupyter_remote_gpu.session.front_end import Bar
from jupyter_remote_gpu.state.codecs import placed

if TYPE_CHECKING:
    from jupyter_remote_gpu.datasets.data_path import DataPath
    from jupyter_remote_gpu.datasets.here import DatasetsHere


class LocalData:
    """What the names `dataset` and `push_to_hub` do in a notebook's own cells.

    `cache` is where files stay that were brought whole; `say` shows a line;
    `record` says what is known of how weights came about, `bar` gives a line for
    how far something is.
    """

    def __init__(
        self,
        data: ProjectData,
        cache: Path,
        say: Callable[[str], None],
        record: Callable[[], Record],
        bar: Callable[[], Bar],
    ) -> None:
        self._data = data
        self._cache, self._say = cache, say
        self._here: DatasetsHere | None = None
        self._push = CellPush(record, trusted=True)
        self._bar = bar
        self._line: _Line | None = None
        self._bound = {"dataset": self.dataset, "push_to_hub": self.push_to_hub}

    def install(self) -> None:
        """Let every cell find the names, as it finds `print`: one of the user's own hides them."""
        for name, bound in self._bound.items():
            if not hasattr(builtins, name):
                setattr(builtins, name, bound)
        placed.use(self)

    def remove(self) -> None:
        """Undo `install`."""
        for name, bound in self._bound.items():
            if getattr(builtins, name, None) is bound:
                delattr(builtins, name)
        placed.forget()

    def named(self, path: Path) -> DataName | None:
        """Return which data of this computer a path lies in, if `dataset` gave their folder."""
        return self._here.named(path) if self._here is not None else None

    def looked_at(self) -> tuple[str, ...]:
        """Return the addresses, with versions, of the data that local cells had."""
        return self._here.texts if self._here is not None else ()

    def found(self, name: DataName) -> DataPath | Path | None:
        """Return what stands here for a path in data; None for data the project never asked for."""
        return self._looking().found(name)

    def push_to_hub(
        self,
        what: Any,
        repo: str,
        *,
        private: bool = True,
        metrics: Mapping[str, Any] | None = None,
    ) -> str:
        """Publish weights that are here as OWNER/NAME on the Hugging Face Hub; return the page.

        `what` is a model, a state dict, a file or a folder; `metrics` stand in the
        model card. Nobody else sees it unless `private=False`. What the Hub has
        already is not sent again. Raises DatasetError and its kin.
        """
        from jupyter_remote_gpu.agent.kernel.outgoing import push

        def ask(question: dict[str, Any]) -> dict[str, Any]:
            return self._push.answer(question, "")

        line = _Line(self._bar(), print)
        return push(what, repo, ask, private=private, metrics=metrics, show=line.show)

    def dataset(self, address: str) -> DataPath | Path:
        """Return the folder with the data of an address; only what is read of it comes here.

        It is used like a path: `dataset(…) / "train.csv"`, `open`, `iterdir`, `glob`.
        An address is kaggle://OWNER/NAME, kaggle-competition://NAME,
        hf://datasets/ORG/NAME, hf://ORG/MODEL, https://…, s3://…, gs://… and others;
        with @VERSION where there are versions. Raises DatasetError and its kin.
        """
        if not isinstance(address, str):
            raise TypeError(f"an address of data is a text, not {type(address).__name__}")
        return self._looking().dataset(address.strip())

    def _moved(self, text: str, done: float) -> None:
        """Show how far a file is that comes here."""
        if self._line is None:
            self._line = _Line(self._bar(), self._say)
        self._line.show(text, done)
        if done >= 1:
            self._line = None

    def _looking(self) -> DatasetsHere:
        if self._here is None:
            # What speaks to servers is loaded when data are first asked for.
            from jupyter_remote_gpu.datasets.here import DatasetsHere

            self._here = DatasetsHere(self._data, self._cache, self._say, self._moved)
        return self._here


class _Line:
    """A bar that appears when something takes a while; else only what came of it is said."""

    def __init__(self, bar: Bar, say: Callable[[str], None]) -> None:
        self._bar, self._say = bar, say
        self._shown = False

    def show(self, text: str, done: float) -> None:
        """Show how far it is; with 1, what came of it."""
        if done < 1:
            self._shown = True
            self._bar.show(text, done)
        elif self._shown:
            self._bar.end(text)
        else:
            self._say(text)
