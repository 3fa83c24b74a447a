"""The lies, by the names that cells call them by; each ends its run if it lets it end at all."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.session.hostile.lying_agent import Conversation

Lie = Callable[["Conversation"], None]
LIES: dict[str, Lie] = {}

PWN = "window.pwned=1"
ESCAPES = "\x1b]52;c;ZXZpbA==\x07\x1b]0;evil\x07\x1b]8;;https://evil.example\x1b\\"
MANY = 100_000
WIDGET = "jupyter.widget"


def lie(function: Lie) -> Lie:
    """Enter a lie under the name of its function."""
    LIES[function.__name__] = function
    return function


def told(text: str) -> dict[str, Any]:
    """Return the fields of a stream event."""
    return {"name": "stdout", "text": text}


@lie
def honest(talk: Conversation) -> None:
    """No lie at all."""
    talk.begin()
    talk.event("stream", **told("honest\n"))
    talk.end()


# -- the wire -----------------------------------------------------------------------------------


@lie
def garbage(talk: Conversation) -> None:
    talk.always(b"\x00\xff" * 1000)


@lie
def oversize(talk: Conversation) -> None:
    talk.always(struct.pack("<IIQQQ", 10, 0, 1 << 40, 0, 0))


@lie
def two_gigabytes(talk: Conversation) -> None:
    talk.always(struct.pack("<IIQQQ", 40, 0, 2 << 30, 0, 0) + b"x" * 100_000)


@lie
def long_head(talk: Conversation) -> None:
    talk.always(struct.pack("<IIQQQ", (1 << 32) - 1, 0, 0, 0, 0))


@lie
def foreign_message(talk: Conversation) -> None:
    from jupyter_remote_gpu.protocol import messages

    hello = messages.Hello(protocol=1, version="", token="", client="")
    talk.always(b"".join(bytes(part) for part in hello.encode()))


@lie
def deep_message(talk: Conversation) -> None:
    from jupyter_remote_gpu.protocol import frames

    talk.always(b"".join(frames.encode(b'{"t":' + b"[" * 500_000)))


@lie
def unasked_answers(talk: Conversation) -> None:
    from jupyter_remote_gpu.protocol import messages

    for number in (-5, 0, 10**9):
        talk.send(messages.Done(request=number, result={"kernel": "evil"}))
        talk.send(messages.Failed(request=number, kind="SystemExit", message="evil"))
    honest(talk)


@lie
def foreign_kernels_events(talk: Conversation) -> None:
    from jupyter_remote_gpu.protocol import messages

    talk.send(messages.Events(kernel="k2", blobs=(b"nonsense",)))
    honest(talk)


# -- the journal --------------------------------------------------------------------------------


@lie
def numbers_go_back(talk: Conversation) -> None:
    talk.begin()
    talk.event("stream", **told("once\n"))
    for number in (1, 2, 0):
        talk.numbered(number, "stream", **told("again\n"))
    # Those lies are no part of the journal: the numbers go on behind the second event.
    del talk.agent.journal[2:]
    talk.end()


@lie
def numbers_jump(talk: Conversation) -> None:
    talk.begin()
    talk.numbered(1 << 63, "stream", **told("far\n"))
    talk.end()


@lie
def half_an_event(talk: Conversation) -> None:
    from jupyter_remote_gpu.protocol import events, messages

    talk.begin()
    run = talk.run.run if talk.run else None
    half = b"".join(events.encode(2, "stream", 1.0, run, None, told("x" * 1000)))[:500]
    talk.agent.journal.append(half)
    talk.send(messages.Events(kernel="k1", blobs=(half,)))
    talk.end()


@lie
def no_fields(talk: Conversation) -> None:
    talk.begin()
    talk.event("stream")


@lie
def wrong_types(talk: Conversation) -> None:
    talk.begin()
    talk.event("display", data=[1], metadata=None, transient="x")


@lie
def not_json(talk: Conversation) -> None:
    talk.record(len(talk.agent.journal) + 1, b"\xff\xfe{")


@lie
def deep_event(talk: Conversation) -> None:
    talk.record(len(talk.agent.journal) + 1, b'{"k":' * 200_000)


@lie
def wide_event(talk: Conversation) -> None:
    talk.record(len(talk.agent.journal) + 1, b"[" + b"[]," * 6_000_000 + b"0]")


@lie
def report_that_is_none(talk: Conversation) -> None:
    talk.begin()
    talk.end(report={"what": "ever"})


@lie
def damaged_for_ever(talk: Conversation) -> None:
    from jupyter_remote_gpu.protocol import events

    talk.begin()
    run = talk.run.run if talk.run else None
    broken = bytearray(b"".join(events.encode(2, "stream", 1.0, run, None, told("x" * 1000))))
    broken[-10] ^= 1
    talk.agent.journal.append(bytes(broken))
    talk.hang_up()


@lie
def hangs_up(talk: Conversation) -> None:
    talk.hang_up()


@lie
def unknown_kinds(talk: Conversation) -> None:
    talk.begin()
    for kind in ("execute_request", "shutdown_reply", "x" * 900):
        talk.event(kind, code="import os", data=5)
    talk.event("stream", **told("still here\n"))
    talk.end()


@lie
def another_runs_end(talk: Conversation) -> None:
    talk.begin()
    talk.event("run_ended", run="somebody's", status="ok", seconds=0.0)
    talk.event("run_ended", run=None, status="ok", seconds=0.0)
    talk.event("stream", **told("still running\n"))
    talk.end()


@lie
def many_beginnings(talk: Conversation) -> None:
    for _ in range(50):
        talk.begin()
    talk.end()
    talk.end(status="error")
    talk.begin()


@lie
def tiny_events(talk: Conversation) -> None:
    from jupyter_remote_gpu.protocol import events, messages

    talk.begin()
    run = talk.run.run if talk.run else None
    for start in range(0, MANY, 1000):
        numbers = range(len(talk.agent.journal) + 1, len(talk.agent.journal) + 1001)
        made = [b"".join(events.encode(n, "stream", 1.0, run, None, told("."))) for n in numbers]
        talk.agent.journal.extend(made)
        talk.send(messages.Events(kernel="k1", blobs=(b"".join(made),)))
        assert start < MANY
    talk.end()


@lie
def events_after_the_end(talk: Conversation) -> None:
    talk.begin()
    talk.end()
    talk.event("stream", **told("late\n"))
    talk.event("input", prompt="password? ", password=True)
    talk.event("run_ended", status="ok", seconds=0.0)


@lie
def late_flood(talk: Conversation) -> None:
    talk.begin()
    talk.end()
    for _ in range(200):
        talk.event("stream", run="nobody's", **told("x" * (1 << 20)))


@lie
def never_ends(talk: Conversation) -> None:
    talk.begin()
    talk.event("stream", **told("for ever\n"))


@lie
def dies_loudly(talk: Conversation) -> None:
    talk.begin()
    talk.event("kernel_died", message=f"gone{ESCAPES}", cause=f"crashed{ESCAPES}")


# -- what is shown ------------------------------------------------------------------------------


def display(talk: Conversation, data: dict[str, Any], **more: Any) -> None:
    """Journal a display."""
    talk.event("display", **{"data": data, "metadata": {}, "transient": {}, **more})


@lie
def scripts(talk: Conversation) -> None:
    talk.begin()
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{PWN}"><script>{PWN}</script></svg>'
    display(talk, {"text/html": f"<b>bold</b><script>{PWN}</script><img src=x onerror={PWN}>"})
    display(talk, {"text/html": f"<a href='javascript:{PWN}'>link</a>"})
    display(talk, {"image/svg+xml": drawing, "text/plain": "drawing"})
    display(talk, {"application/javascript": PWN, "text/plain": "script"})
    display(talk, {"text/markdown": f"*md* <script>{PWN}</script> [x](javascript:{PWN})"})
    display(talk, {"text/latex": f"$\\href{{javascript:{PWN}}}{{x}}$"})
    display(
        talk,
        {"text/html": f"<script>{PWN}</script>"},
        metadata={"text/html": {"isolated": True}, "trusted": True},
    )
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n<svg onload=1>").decode()
    display(talk, {"image/png": picture, "text/plain": "picture"})
    talk.event("result", data={"text/html": f"<script>{PWN}</script>"}, metadata={})
    talk.end()


@lie
def escapes(talk: Conversation) -> None:
    talk.begin()
    talk.event("stream", **told(f"out{ESCAPES}\n"))
    talk.event("stream", name="stderr", text=f"err{ESCAPES}\n")
    talk.event("notice", text=f"notice{ESCAPES}")
    talk.event("error", name=f"E{ESCAPES}", value=f"v{ESCAPES}", traceback=[f"t{ESCAPES}"])
    display(talk, {"text/plain": f"plain{ESCAPES}"})
    error = {
        "name": f"E{ESCAPES}",
        "value": f"v{ESCAPES}",
        "traceback": [f"t{ESCAPES}"],
        "module": "antigravity",
        "bases": ["antigravity.Error"],
        "args": [f"v{ESCAPES}"],
    }
    talk.end(status=f"error{ESCAPES}", error=error)


@lie
def foreign_displays(talk: Conversation) -> None:
    talk.begin()
    for ident in ("local-display", "", 5, None):
        talk.event(
            "update_display",
            data={"text/plain": "forged"},
            metadata={},
            transient={"display_id": ident},
        )
    talk.end()


@lie
def foreign_comms(talk: Conversation) -> None:
    talk.begin()
    talk.comm("comm_open", "evil", {}, target_name="jupyter.widget.control")
    talk.comm("comm_open", "evil2", {"state": {}}, target_name="evil-target")
    state = {
        "_model_module": "anywidget",
        "_model_name": "AnyModel",
        "_view_module": "anywidget",
        "_view_name": "AnyView",
        "_esm": PWN,
    }
    talk.comm("comm_open", "any", {"state": state}, target_name=WIDGET)
    talk.comm("comm_open", "local-comm", {"state": state}, target_name=WIDGET)
    for kind in ("comm_msg", "comm_close"):
        data = {"method": "update", "state": {"value": "forged"}}
        talk.comm(kind, "local-comm", data)
    talk.end()


@lie
def broken_comms(talk: Conversation) -> None:
    talk.begin()
    core = {"_model_module": "@jupyter-widgets/controls", "_model_name": "TextModel"}
    states: list[Any] = [
        None,
        [],
        {"state": 5},
        {"state": core, "buffer_paths": [["a", "b"]]},
        {"state": core, "buffer_paths": 5},
        {"state": {**core, "_model_module": ["x"]}},
    ]
    for number, data in enumerate(states):
        talk.comm("comm_open", f"c{number}", data, target_name=WIDGET)
        talk.comm("comm_msg", f"c{number}", data)
    talk.comm("comm_open", "good", {"state": core, "buffer_paths": []}, target_name=WIDGET)
    updates: list[Any] = [None, 5, {"method": "update"}, {"method": "update", "state": [1]}]
    for data in updates:
        talk.comm("comm_msg", "good", data)
    talk.end()


@lie
def orders(talk: Conversation) -> None:
    talk.begin()
    payload = [
        {"source": "set_next_input", "text": "import evil", "replace": True},
        {"source": "ask_exit", "keepkernel": False},
        {"source": "edit_magic", "filename": "/etc/passwd", "line_number": 1},
    ]
    talk.end(payload=payload)


@lie
def asks_for_a_password(talk: Conversation) -> None:
    talk.begin()
    talk.event("input", prompt=f"\n[sudo] password for you:{ESCAPES} ", password=True)
    talk.end()


@lie
def own_error(talk: Conversation) -> None:
    talk.begin()
    error = {"own": "annotations", "message": f"m{ESCAPES}", "hint": f"h{ESCAPES}"}
    talk.end(status="refused", error=error)
