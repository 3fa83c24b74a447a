"""`%%both`: a cell that runs there first and then here, for what no name reaches.

A transformer of the cell's text puts a call of ours in the place of its first
line; the rest stays what it is, an ordinary local cell. When it runs, the call
runs the same text there. An error there keeps the rest from running here.
"""

from __future__ import annotations

from typing import Any

from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.session.front_end import FrontEnd

from . import arguments
from .both_text import NO_CALL, without_call
from .extension import Extension
from .remote_error import remote_exception

_OUTPUTS = frozenset({"stream", "display", "update_display", "result", "error", "clear_output"})


def run_there(extension: Extension, key: str) -> None:
    """Run there the cell that is running here just now; raises its error."""
    found = extension.both.find(key)
    if found is None:
        raise RequestError(
            "%both is no command of a line",
            hint="Write %%both as the first line of a cell, with code below it.",
        )
    line, body = found
    shell = extension.shell
    command = arguments.parse_cell(line)
    if body.lstrip().startswith("%%"):
        raise RequestError(
            "another cell magic stands below %%both",
            hint="Put it above: %%time first, then %%both.",
        )
    python = without_call(shell.transform_cell(f"%%both {line}\n{body}"))
    joined = extension.machines.chosen(command.request)
    trees = extension.hook.close()
    cell = extension.hub.running
    name = joined.name
    headed = Headed(joined.front_end, f"%%both ▸ on {name}:")
    try:
        with joined.session.shown_through(headed):
            outcome = extension.run(
                joined,
                f"{NO_CALL}\n{body}",
                python,
                timeout=command.request.timeout_seconds,
                unguarded=command.request.yes,
                both=cell if cell is not None and cell.source == python else None,
                keeps_home=True,
            )
    finally:
        extension.hub.resume(cell)
        extension.hook.reopen(trees)
    if outcome.error is not None:
        joined.front_end.note(f"%%both ▸ failed on {name}, not run here")
        raise remote_exception(outcome.error)
    if headed.used:
        joined.front_end.note("%%both ▸ here:")


class Headed:
    """A front end that says before the first output where what follows comes from."""

    def __init__(self, front_end: FrontEnd, heading: str) -> None:
        self._front_end = front_end
        self._heading = heading
        self.used = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._front_end, name)

    def show(self, event: Event) -> None:
        """Display an output, the first one below the heading."""
        if not self.used and event.kind in _OUTPUTS:
            self.used = True
            self._front_end.note(self._heading)
        self._front_end.show(event)
