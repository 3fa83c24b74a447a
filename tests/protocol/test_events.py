"""Events: what a kernel writes down is read back as it was."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.errors import ProtocolError
from jupyter_remote_gpu.protocol import events
from jupyter_remote_gpu.protocol.events import Event
from jupyter_remote_gpu.protocol.frames import Frame


def test_an_event_comes_back_as_it_was() -> None:
    parts = events.encode(5, "comm_msg", 1.5, "run", "msg", {"content": {"é": 1}}, [b"ab", b""])
    (event,) = events.decode_all(b"".join(parts))
    assert event == Event(5, "comm_msg", 1.5, "run", "msg", {"content": {"é": 1}}, (b"ab", b""))


def test_what_is_no_json_is_written_as_its_text() -> None:
    parts = events.encode(1, "display", 0.0, None, None, {"data": {"x": complex(1, 2)}})
    (event,) = events.decode_all(b"".join(parts))
    assert event.fields == {"data": {"x": "(1+2j)"}}


@pytest.mark.parametrize("head", [b"x", b"{}", b'{"k":"a","t":"x","run":null,"p":null}'])
def test_a_foreign_record_is_refused_by_number(head: bytes) -> None:
    with pytest.raises(ProtocolError, match="event 9"):
        events.decode(Frame(9, 0, head, memoryview(b"")))
