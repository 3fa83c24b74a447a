"""What Output widgets capture in callbacks, also when the page has stopped listening.

A page captures the outputs that answer a message until the local kernel is
idle again, which is two seconds later at most (`comm_relay`). A callback that
trains for a minute goes on printing. From then on the Output's `outputs` trait
is written from here, as nbclient does it where there is no page at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_OVERWRITTEN = re.compile(r"[^\r\n]*\r(?=[^\r\n]*\r)")
"""What a progress bar has overwritten more than once: nobody will see it again."""


class Capture:
    """One Output widget at work for one message: what it has captured so far."""

    def __init__(self, comm_id: str, msg_id: str, outputs: Iterable[dict[str, Any]]) -> None:
        self.comm_id = comm_id
        self.msg_id = msg_id
        self.aimed = True
        self._taken: list[tuple[dict[str, Any], str | None]] = [(o, None) for o in outputs]
        self._clear_first = False

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The captured outputs as the widget's trait lists them."""
        return [output for output, _ in self._taken]

    def take(self, kind: str, content: dict[str, Any]) -> None:
        """Add an output message, as a page's output area does."""
        if kind == "clear_output":
            self._clear_first = bool(content["wait"])
            if not self._clear_first:
                self._taken = []
            return
        display = (content.get("transient") or {}).get("display_id")
        added = {key: value for key, value in content.items() if key != "transient"}
        if kind == "update_display_data":
            self._taken = [
                ({**output, **added} if display is not None and known == display else output, known)
                for output, known in self._taken
            ]
            return
        if self._clear_first:
            self._clear_first, self._taken = False, []
        last = self._taken[-1][0] if self._taken else {}
        if kind == "stream" and last.get("name") == content["name"]:
            text = _OVERWRITTEN.sub("", last["text"] + content["text"])
            self._taken[-1] = ({**last, "text": text}, None)
        else:
            self._taken.append(({"output_type": kind, **added}, display))


class Captures:
    """The captures under way. Not locked: the relay sees to that."""

    def __init__(self) -> None:
        self._by_comm: dict[str, Capture] = {}

    def aim(self, comm_id: str, state: dict[str, Any], msg_id: str) -> None:
        """Note that an Output with this state now captures for a message ("": for none)."""
        found = self._by_comm.get(comm_id)
        if found is not None and msg_id in ("", found.msg_id):
            found.aimed = bool(msg_id)
        elif msg_id:
            self._by_comm[comm_id] = Capture(comm_id, msg_id, state.get("outputs") or ())

    def take(self, msg_id: str | None, kind: str, content: dict[str, Any]) -> list[Capture]:
        """Give an output to the Outputs that capture for its message; return them."""
        found = [c for c in self._of(msg_id) if c.aimed]
        for capture in found:
            capture.take(kind, content)
        return found

    def holds(self, comm_id: str, late: set[str]) -> bool:
        """Whether an Output captures for one of the late messages."""
        found = self._by_comm.get(comm_id)
        return found is not None and found.msg_id in late

    def end(self, msg_id: str | None) -> list[Capture]:
        """Forget the captures for a message, which is over; return them."""
        found = self._of(msg_id)
        for capture in found:
            del self._by_comm[capture.comm_id]
        return found

    def _of(self, msg_id: str | None) -> list[Capture]:
        return [c for c in self._by_comm.values() if c.msg_id == msg_id]
