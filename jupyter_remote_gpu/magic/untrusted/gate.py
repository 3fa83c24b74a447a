"""The gate: every event of a machine that is not trusted passes here before anything sees it."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.plain_text import coloured, plain

from . import failure
from .comms import Comms
from .permission import PagePermission
from .remarks import Remarks

LONGEST_PROMPT = 2000
LONGEST_NOTICE = 4000
LONGEST_ID = 200
MOST_OUTPUTS = 10_000
"""Outputs of one run that stand below each other; a page with more cannot be used."""
MOST_UPDATES = 200_000
MOST_CHARACTERS = 512 << 20
MOST_RUNS = 200
MOST_NOTES = 20


@dataclass(slots=True)
class _Volume:
    """How much one run has shown."""

    outputs: int = 0
    updates: int = 0
    characters: int = 0
    started: bool = False
    ended: bool = False


def _nobody(ident: str) -> bool:
    return False


class Gate:
    """Lets pass, of each event of one machine, what is harmless; says once what was left out.

    `taken` tells whether a comm of that id is somebody's here already, `knows`
    whether a message id of the front end is one that this machine was given.
    Called in the session's loop, by one thread at a time; never waits. The
    rules are in `docs/design/trust.md`.
    """

    def __init__(
        self,
        machine: str,
        permission: PagePermission | None = None,
        taken: Callable[[str], bool] = _nobody,
        knows: Callable[[str], bool] = _nobody,
    ) -> None:
        self._machine = machine
        # Nobody can guess it, so no machine can name what another one, or this computer, shows.
        self._prefix = f"m{secrets.token_hex(4)}_"
        self._remarks = Remarks(machine)
        self._knows = knows
        self._comms = Comms(
            self._prefix, self._remarks, permission or PagePermission(), taken, knows
        )
        self._volumes: OrderedDict[str, _Volume] = OrderedDict()

    def admit(self, event: Event) -> tuple[Event, ...]:
        """Return what may pass in an event's place, after notices about what may not."""
        look = _LOOKS.get(event.kind)
        if look is None:
            self._remarks.note("kind", "events of kinds that do not exist were left out")
            fields = None
        else:
            fields = look(self, event) if self._has_room(event) else None
        parent = event.parent if event.parent and self._knows(event.parent) else None
        notices = [
            Event(event.number, "notice", event.time, event.run, parent, {"text": text})
            for text in self._remarks.take()
        ]
        if fields is not None:
            return (*notices, replace(event, fields=fields, parent=parent))
        return tuple(notices)

    def _has_room(self, event: Event) -> bool:
        """Count what a run shows; False beyond what a page can bear."""
        volume = self._volume(event.run or "")
        if event.kind == "stream":
            volume.characters += len(event.fields["text"])
        elif event.kind in ("display", "result", "error", "notice"):
            volume.outputs += 1
        elif event.kind in ("update_display", "clear_output"):
            volume.updates += 1
        elif event.kind == "run_started":
            first, volume.started = not volume.started, True
            return first
        elif event.kind == "run_ended":
            first, volume.ended = not volume.ended, True
            return first
        elif event.kind != "input":
            return True
        within = (
            volume.outputs <= MOST_OUTPUTS
            and volume.updates <= MOST_UPDATES
            and volume.characters <= MOST_CHARACTERS
        )
        if not within:
            self._remarks.note(
                f"volume {event.run}",
                "a run showed more than a page can bear; the rest is left out",
            )
        return within

    def _volume(self, run: str) -> _Volume:
        found = self._volumes.get(run)
        if found is None:
            found = self._volumes[run] = _Volume()
            while len(self._volumes) > MOST_RUNS:
                self._volumes.popitem(last=False)
        return found

    def _stream(self, event: Event) -> dict[str, Any]:
        return {"name": event.fields["name"], "text": coloured(event.fields["text"])}

    def _display(self, event: Event) -> dict[str, Any] | None:
        fields = event.fields
        data, metadata = self._comms.bundles.clean(fields["data"], fields["metadata"])
        if not data:
            return None
        found: dict[str, Any] = {"data": data, "metadata": metadata}
        if event.kind != "result":
            ident = fields["transient"].get("display_id")
            private = isinstance(ident, str) and ident
            found["transient"] = (
                {"display_id": self._prefix + plain(ident, LONGEST_ID)} if private else {}
            )
            if event.kind == "update_display" and not private:
                return None
        return found

    def _error(self, event: Event) -> dict[str, Any]:
        return failure.shown_error(event.fields)

    def _clear(self, event: Event) -> dict[str, Any]:
        return {"wait": event.fields["wait"]}

    def _comm(self, event: Event) -> dict[str, Any] | None:
        return self._comms.look(event)

    def _input(self, event: Event) -> dict[str, Any]:
        """Name the machine in every line that asks: a prompt can look like anybody's."""
        lines = plain(event.fields["prompt"], LONGEST_PROMPT).split("\n")
        named = "\n".join(f"{self._machine} ▸ {line}" for line in lines)
        return {"prompt": named, "password": event.fields["password"]}

    def _dataset(self, event: Event) -> dict[str, Any]:
        return {"address": plain(event.fields["address"], LONGEST_PROMPT)}

    def _notice(self, event: Event) -> dict[str, Any]:
        return {"text": f"{self._machine} says: {plain(event.fields['text'], LONGEST_NOTICE)}"}

    def _started(self, event: Event) -> dict[str, Any]:
        notes = event.fields.get("notes", ())[:MOST_NOTES]
        return {**event.fields, "notes": [plain(note, LONGEST_NOTICE) for note in notes]}

    def _ended(self, event: Event) -> dict[str, Any]:
        return failure.ended(event.fields, self._machine, self._remarks)

    def _died(self, event: Event) -> dict[str, Any]:
        return {
            "message": plain(event.fields["message"], LONGEST_NOTICE),
            "cause": plain(event.fields.get("cause", "unknown"), LONGEST_ID),
        }

    def _as_it_is(self, event: Event) -> dict[str, Any]:
        return event.fields


_LOOKS: dict[str, Callable[[Gate, Event], dict[str, Any] | None]] = {
    "kernel_started": Gate._as_it_is,
    "failing": Gate._as_it_is,
    "run_started": Gate._started,
    "stream": Gate._stream,
    "display": Gate._display,
    "update_display": Gate._display,
    "result": Gate._display,
    "error": Gate._error,
    "clear_output": Gate._clear,
    "comm_open": Gate._comm,
    "comm_msg": Gate._comm,
    "comm_close": Gate._comm,
    "comm_handled": Gate._as_it_is,
    "input": Gate._input,
    "dataset": Gate._dataset,
    "publish": Gate._as_it_is,  # `session.cell_push` looks at each part of it
    "notice": Gate._notice,
    "run_ended": Gate._ended,
    "kernel_died": Gate._died,
}
"""How each kind of event is looked at; None from there leaves the event out."""
