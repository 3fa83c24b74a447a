"""What ran in a notebook, here and on all its machines: for the card of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jupyter_remote_gpu.datasets.model_card import Record
from jupyter_remote_gpu.errors import MachineError

from .joined import Joined

_OURS = ("%load_ext", "%reload_ext", "%remote_gpu")


class CellRecord:
    """Knows which cells ran; used by the thread that runs cells.

    `joined` are the notebook's machines, `looked` the data that local cells looked
    at; `say` hears what is missing.
    """

    def __init__(
        self,
        shell: Any,
        joined: Callable[[], Iterable[Joined]],
        looked: Callable[[], Iterable[str]],
        say: Callable[[str], None],
    ) -> None:
        self._shell, self._joined, self._looked, self._say = shell, joined, looked, say
        self._failed: set[int] = set()

    def install(self) -> None:
        """Begin to note which cells fail."""
        self._shell.events.register("post_run_cell", self._after)

    def remove(self) -> None:
        """Undo `install`."""
        self._shell.events.unregister("post_run_cell", self._after)

    def made(self) -> Record:
        """Return the data and the cells so far; asks the machines, and blocks."""
        runs = [run for one in self._joined() for run in self._runs(one)]
        return record_of(runs, self._typed(), self._looked())

    def _runs(self, one: Joined) -> list[dict[str, Any]]:
        try:
            return one.session.runs()
        except MachineError as error:
            self._say(f"the card names no cells of {one.name}: {error.message}")
            return []

    def _typed(self) -> dict[int, str]:
        """Return the cells of this kernel's life that did not fail, by their number."""
        texts = self._shell.history_manager.input_hist_raw
        found = {
            number: _plain(text)
            for number, text in enumerate(texts)
            if number and number not in self._failed
        }
        return {number: text for number, text in found.items() if text}

    def _after(self, result: Any) -> None:
        if not result.success and result.execution_count is not None:
            self._failed.add(result.execution_count)


def record_of(
    runs: Iterable[Mapping[str, Any]], typed: Mapping[int, str], looked: Iterable[str] = ()
) -> Record:
    """Return what records of runs and a notebook's own cells say, oldest first.

    A run that the notebook has no cell for is of an earlier life of it.
    """
    began = [run for run in runs if run["status"] in ("ok", "running")]
    began.sort(key=lambda run: float(run["started"]))
    data = {text for run in began for text in run["datasets"].values()}
    own = set(typed.values())
    earlier = [text for run in began if (text := _plain(run["source"])) and text not in own]
    return Record(sorted(data | set(looked)), [*earlier, *typed.values()])


def _plain(cell: str) -> str:
    """Return a cell without what says where it runs; "" if it does nothing else."""
    lines = [line for line in cell.splitlines() if not line.strip().startswith(_OURS)]
    if lines and lines[0].startswith(("%%remote_gpu", "%%both")):
        lines = lines[1:]
    return "\n".join(lines).strip()
