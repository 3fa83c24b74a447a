"""The gate: what passes of each kind of event, and what is said about the rest."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from jupyter_remote_gpu.magic.remote_error import remote_exception
from jupyter_remote_gpu.magic.untrusted import gate as gates
from jupyter_remote_gpu.magic.untrusted.gate import Gate
from jupyter_remote_gpu.magic.untrusted.permission import PagePermission
from jupyter_remote_gpu.protocol.events import Event

EVIL = "\x1b]52;c;eA==\x07\x1b]0;t\x07\x1b[2J"


def event(kind: str, run: str = "r", parent: str | None = None, **fields: Any) -> Event:
    return Event(1, kind, 0.0, run, parent, fields)


def shown(gate: Gate, kind: str, **fields: Any) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the fields that passed, and the notices before them."""
    passed = gate.admit(event(kind, **fields))
    notices = [e.fields["text"] for e in passed if e.kind == "notice" and e.kind != kind]
    rest = [e.fields for e in passed if e.kind == kind]
    return (rest[0] if rest else None), notices


def display(gate: Gate, data: dict[str, Any], **more: Any) -> tuple[dict[str, Any], list[str]]:
    fields, notices = shown(gate, "display", data=data, **{"metadata": {}, "transient": {}, **more})
    assert fields is not None
    return fields, notices


@pytest.fixture
def gate() -> Gate:
    return Gate("gpu1")


def test_texts_lose_what_a_terminal_obeys(gate: Gate) -> None:
    fields, _ = shown(gate, "stream", name="stdout", text=f"\r\x1b[31m50%{EVIL}\x1b[0m")
    assert fields == {"name": "stdout", "text": "\r\x1b[31m50%\x1b[0m"}
    fields, _ = shown(gate, "error", name=f"E{EVIL}", value=f"v{EVIL}", traceback=[f"t{EVIL}"])
    assert fields == {"name": "E", "value": "v", "traceback": ["t"]}
    passed = gate.admit(event("notice", text=f"hello{EVIL}"))
    assert [e.fields for e in passed] == [{"text": "gpu1 says: hello"}]
    fields, _ = shown(gate, "kernel_died", message=f"m{EVIL}", cause=f"c{EVIL}")
    assert fields == {"message": "m", "cause": "c"}


def test_every_line_of_a_prompt_names_the_machine(gate: Gate) -> None:
    fields, _ = shown(gate, "input", prompt=f"x{EVIL}\n[sudo] password for you: ", password=True)
    assert fields == {"prompt": "gpu1 ▸ x\ngpu1 ▸ [sudo] password for you: ", "password": True}


def test_a_display_keeps_what_is_harmless_and_says_once_what_is_not(gate: Gate) -> None:
    data = {
        "text/plain": "text",
        "text/html": "<b>bold</b><script>1</script>",
        "application/javascript": "window.pwned=1",
        "application/pdf": "aaaa",
        "image/svg+xml": "<svg onload=1/>",
    }
    fields, notices = display(gate, data, metadata={"text/html": {"isolated": True}, "x": 1})
    assert fields["data"] == {"text/plain": "text", "text/html": "<b>bold</b>"}
    assert fields["metadata"] == {}
    assert len(notices) == 3
    assert all("gpu1 ▸ this machine is not trusted" in n for n in notices)
    assert any("application/pdf" in n for n in notices)
    _, notices = display(gate, data)
    assert notices == []


def test_a_drawing_becomes_a_picture_of_itself(gate: Gate) -> None:
    drawing = '<svg xmlns="http://www.w3.org/2000/svg"><script>window.pwned=1</script></svg>'
    fields, _ = display(gate, {"text/plain": "t", "image/svg+xml": drawing})
    text = fields["data"]["text/html"]
    start = '<img src="data:image/svg+xml;base64,'
    assert text.startswith(start) and text.endswith('">')
    assert base64.b64decode(text[len(start) : -2]).decode() == drawing


def test_a_drawing_that_defines_entities_is_left_out(gate: Gate) -> None:
    bomb = '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg>&a;</svg>'
    fields, notices = display(gate, {"text/plain": "t", "image/svg+xml": bomb})
    assert fields["data"] == {"text/plain": "t"}
    assert len(notices) == 1


def test_html_without_its_style_sheet_is_shown_as_text_where_there_is_one(gate: Gate) -> None:
    styled = "<style>.sk-top { color: red }</style><p>diagram</p>"
    fields, _ = display(gate, {"text/plain": "Pipeline(...)", "text/html": styled})
    assert fields["data"] == {"text/plain": "Pipeline(...)"}
    fields, _ = display(
        gate, {"text/plain": "<IPython.core.display.HTML object>", "text/html": styled}
    )
    assert fields["data"]["text/html"] == "<p>diagram</p>"
    assert type(fields["data"]["text/html"]) is str


def test_nothing_is_shown_of_a_display_without_anything_harmless(gate: Gate) -> None:
    passed = gate.admit(event("display", data={"application/x-evil": 1}, metadata={}, transient={}))
    assert [e.kind for e in passed] == ["notice"]


@pytest.mark.parametrize("value", [5, None, {"a": 1}, ["a", 5]])
def test_texts_of_other_types_are_left_out(gate: Gate, value: Any) -> None:
    fields, _ = display(gate, {"text/plain": "t", "text/html": value, "text/markdown": value})
    assert fields["data"] == {"text/plain": "t"}


def test_display_ids_are_private_to_the_machine(gate: Gate) -> None:
    other = Gate("gpu2")
    ids = set()
    for one in (gate, other):
        fields, _ = display(one, {"text/plain": "t"}, transient={"display_id": "same", "x": 1})
        update, _ = shown(
            one,
            "update_display",
            data={"text/plain": "t"},
            metadata={},
            transient={"display_id": "same"},
        )
        assert update is not None
        assert update["transient"] == fields["transient"]
        assert set(fields["transient"]) == {"display_id"}
        ids.add(fields["transient"]["display_id"])
    assert len(ids) == 2
    assert "same" not in ids


def test_an_update_of_no_display_is_left_out(gate: Gate) -> None:
    for transient in ({}, {"display_id": 5}, {"display_id": ""}):
        fields, _ = shown(
            gate, "update_display", data={"text/plain": "t"}, metadata={}, transient=transient
        )
        assert fields is None


def test_a_view_of_a_foreign_widget_is_left_out(gate: Gate) -> None:
    view = {"version_major": 2, "version_minor": 0, "model_id": "somebody's"}
    kind = "application/vnd.jupyter.widget-view+json"
    fields, notices = display(gate, {"text/plain": "t", kind: view})
    assert fields["data"] == {"text/plain": "t"}
    assert len(notices) == 1


def ended(gate: Gate, **fields: Any) -> dict[str, Any]:
    found, _ = shown(gate, "run_ended", **{"status": "ok", "seconds": 1.0, **fields})
    assert found is not None
    return found


def test_a_run_cannot_change_the_notebook(gate: Gate) -> None:
    help_page = {"source": "page", "data": {"text/plain": f"help{EVIL}", "text/html": "<b>"}}
    orders = [
        {"source": "set_next_input", "text": "evil", "replace": True},
        {"source": "edit_magic", "filename": "/etc/passwd"},
        {"source": "ask_exit", "keepkernel": False},
        {"source": "page", "data": "x"},
        help_page,
    ]
    found = ended(gate, payload=orders, status="something\x1b[2J")
    assert found["payload"] == [{"source": "page", "start": 0, "data": {"text/plain": "help"}}]
    assert found["status"] == "error"


def failure(module: str, name: str, args: list[Any], value: str = "", **more: Any) -> Any:
    error = {
        "name": name,
        "value": value or (str(args[0]) if args else ""),
        "traceback": ["tb"],
        "module": module,
        "bases": [],
        "args": args,
        **more,
    }
    return remote_exception(ended(Gate("gpu1"), status="error", error=error)["error"])


class Bad(Exception):
    """Must never be made by its constructor, shown or inherited from."""

    made: list[str] = []  # noqa: RUF012

    def __new__(cls, *args: Any) -> Bad:
        Bad.made.append("new")
        return super().__new__(cls, *args)

    def __init__(self, *args: Any) -> None:
        Bad.made.append("init")

    def __str__(self) -> str:
        Bad.made.append("str")
        return "x"

    def __init_subclass__(cls) -> None:
        Bad.made.append("subclass")


def test_exceptions_keep_a_class_known_here() -> None:
    assert type(failure("builtins", "KeyError", ["k"], "'k'")) is KeyError
    assert type(failure("builtins", "ZeroDivisionError", ["division"])) is ZeroDivisionError
    found = failure("json.decoder", "JSONDecodeError", ["text"])
    assert isinstance(found, json.JSONDecodeError)
    assert type(failure("builtins", "KeyboardInterrupt", [])) is KeyboardInterrupt


def test_no_code_runs_and_nothing_is_imported_for_an_exception() -> None:
    import sys

    Bad.made.clear()
    found = failure(__name__, "Bad", ["x"])
    assert isinstance(found, Bad)
    failure(__name__, "Bad", ["x"], value="another text")
    failure("nowhere", "Other", ["x"], bases=[f"{__name__}.Bad", "builtins.OSError"])
    assert Bad.made == []
    assert "antigravity" not in sys.modules
    failure("antigravity", "Error", ["x"])
    failure("idlelib.run", "Error", ["x"], bases=["antigravity.Error"])
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    "name", ["eval", "object", "", "exec", "SystemExit", "__class__", "a\x00b"]
)
def test_names_of_other_things_give_a_stand_in(name: str) -> None:
    found = failure("builtins", name, ["x"])
    assert isinstance(found, Exception)
    assert not isinstance(found, SystemExit)


@pytest.mark.parametrize("own", ["annotations", "Exception", "__doc__", "RemoteGPUError", "x"])
def test_errors_of_ours_name_the_machine(own: str) -> None:
    error = {"own": own, "message": f"m{EVIL}", "hint": f"h{EVIL}"}
    found = remote_exception(ended(Gate("gpu1"), status="error", error=error)["error"])
    assert str(found) == "gpu1 says: m\nh"


def test_a_run_begins_and_ends_once(gate: Gate) -> None:
    assert shown(gate, "run_started", source="", count=1)[0] is not None
    assert shown(gate, "run_started", source="", count=1)[0] is None
    assert shown(gate, "run_ended", status="ok", seconds=1.0)[0] is not None
    assert shown(gate, "run_ended", status="ok", seconds=1.0)[0] is None


def test_a_page_is_not_flooded(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "MOST_OUTPUTS", 5)
    passed = [display_or_none(gate) for _ in range(20)]
    assert sum(found is not None for found in passed) == 5
    assert shown(gate, "run_ended", status="ok", seconds=1.0)[0] is not None


def display_or_none(gate: Gate) -> dict[str, Any] | None:
    return shown(gate, "display", data={"text/plain": "t"}, metadata={}, transient={})[0]


def test_notices_have_an_end(gate: Gate) -> None:
    texts = []
    for number in range(1000):
        data = {f"application/x-{number}": 1, "text/plain": "t"}
        texts += display(gate, data)[1]
    assert len(texts) == 100


def test_events_of_unknown_kinds_are_left_out(gate: Gate) -> None:
    passed = gate.admit(event("execute", code="evil"))
    assert [e.kind for e in passed] == ["notice"]


def test_only_messages_that_the_machine_was_given_are_answered() -> None:
    gate = Gate("gpu1", knows=lambda ident: ident == "mine")
    for parent, kept in (("mine", "mine"), ("a local cell's", None), (None, None)):
        (passed,) = gate.admit(event("stream", parent=parent, name="stdout", text="x"))
        assert passed.parent == kept


def test_the_users_yes_lets_scripts_in_and_keeps_ids_private() -> None:
    permission = PagePermission()
    gate = Gate("gpu1", permission)
    permission.allow()
    data = {"text/html": "<script>1</script>", "application/javascript": "1"}
    fields, notices = display(gate, data, transient={"display_id": "d"})
    assert fields["data"] == data
    assert fields["transient"] != {"display_id": "d"}
    assert notices == []
