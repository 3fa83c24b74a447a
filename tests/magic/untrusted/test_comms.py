"""Widgets of a machine that is not trusted: its own, of the core modules, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_remote_gpu.magic.untrusted import comms
from jupyter_remote_gpu.magic.untrusted.gate import Gate
from jupyter_remote_gpu.magic.untrusted.permission import PagePermission
from jupyter_remote_gpu.protocol.events import Event

CONTROLS = "@jupyter-widgets/controls"
LOCAL = {"local-comm"}


def model(name: str, module: str = CONTROLS, **state: Any) -> dict[str, Any]:
    view = name.replace("Model", "View")
    return {
        "_model_module": module,
        "_model_module_version": "2.0.0",
        "_model_name": name,
        "_view_module": module,
        "_view_module_version": "2.0.0",
        "_view_name": view,
        **state,
    }


class Machine:
    """Says things on comms and keeps what passes."""

    def __init__(self, permission: PagePermission | None = None) -> None:
        self.notices: list[str] = []
        self.gate = Gate(
            "gpu1", permission, taken=LOCAL.__contains__, knows=lambda ident: ident == "my-cell"
        )

    def say(
        self, kind: str, content: Any, buffers: tuple[bytes, ...] = (), metadata: Any = None
    ) -> dict[str, Any] | None:
        fields = {"content": content, "metadata": metadata or {}}
        passed = self.gate.admit(Event(1, kind, 0.0, "r", None, fields, buffers))
        self.notices += [e.fields["text"] for e in passed if e.kind == "notice"]
        rest = [e.fields["content"] for e in passed if e.kind == kind]
        return rest[0] if rest else None

    def open(
        self, comm: str, state: Any, target: str = "jupyter.widget", **more: Any
    ) -> dict[str, Any] | None:
        """Open a widget; return the state that passed."""
        data = {"state": state, "buffer_paths": more.pop("paths", [])}
        content = {"comm_id": comm, "target_name": target, "data": data, "target_module": "evil"}
        found = self.say("comm_open", content, **more)
        assert found is None or "target_module" not in found
        return None if found is None else found["data"]["state"]

    def update(self, comm: str, **state: Any) -> dict[str, Any] | None:
        data = {"method": "update", "state": state, "buffer_paths": []}
        found = self.say("comm_msg", {"comm_id": comm, "data": data})
        return None if found is None else found["data"]["state"]


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_slider_passes_as_it_is(machine: Machine) -> None:
    layout = model("LayoutModel", "@jupyter-widgets/base", width="50%", grid_gap=None)
    assert machine.open("l", layout) == layout
    slider = model("IntSliderModel", value=5, description="a < b & c", layout="IPY_MODEL_l")
    assert machine.open("s", slider) == slider
    assert machine.update("s", value=6, description="x") == {"value": 6, "description": "x"}
    assert machine.notices == []


def test_only_the_widget_target_can_be_opened(machine: Machine) -> None:
    for target in ("jupyter.widget.control", "evil", "", None, 5):
        assert machine.open("c", model("IntSliderModel"), target=target) is None  # type: ignore[arg-type]
    assert len(machine.notices) == 1


@pytest.mark.parametrize(
    "state",
    [
        model("AnyModel", "anywidget", _esm="window.pwned=1"),
        {**model("IntSliderModel"), "_view_module": "anywidget"},
        {**model("IntSliderModel"), "_model_module": ["@jupyter-widgets/base"]},
        {**model("IntSliderModel"), "_model_name": "constructor"},
        {**model("IntSliderModel"), "_view_name": "__proto__"},
        {**model("IntSliderModel"), "_model_module": None},
        {},
    ],
)
def test_widgets_of_other_modules_and_classes_are_left_out(
    machine: Machine, state: dict[str, Any]
) -> None:
    assert machine.open("w", state) is None
    assert machine.update("w", value=1) is None
    assert machine.notices
    assert not machine.gate._comms.owns("w")


def test_the_users_yes_lets_them_in() -> None:
    permission = PagePermission()
    machine = Machine(permission)
    state = model("AnyModel", "anywidget", _esm="export default {}")
    assert machine.open("w", state) is None
    assert "allow-scripts" in machine.notices[0]
    permission.allow()
    assert machine.open("w", state) == state


def test_ids_in_use_cannot_be_opened_or_written_to(machine: Machine) -> None:
    assert machine.open("local-comm", model("HTMLModel", value="fake")) is None
    assert machine.update("local-comm", value=1) is None
    assert machine.say("comm_close", {"comm_id": "local-comm", "data": {}}) is None
    assert machine.open("mine", model("TextModel")) is not None
    assert machine.open("mine", model("TextModel")) is None


def test_a_closed_widget_is_nobodys(machine: Machine) -> None:
    machine.open("w", model("TextModel"))
    assert machine.say("comm_close", {"comm_id": "w", "data": {}}) is not None
    assert machine.update("w", value="x") is None


def test_references_to_foreign_widgets_go(machine: Machine) -> None:
    machine.open("mine", model("TextModel"))
    box = model(
        "VBoxModel", children=["IPY_MODEL_mine", "IPY_MODEL_local-comm"], layout="IPY_MODEL_foreign"
    )
    found = machine.open("box", box)
    assert found is not None
    assert found["children"] == ["IPY_MODEL_mine"]
    assert found["layout"] == ""
    link = model("LinkModel", source=["IPY_MODEL_local-comm", "value"])
    found = machine.open("link", link)
    assert found is not None
    assert "local-comm" not in str(found)
    assert machine.update("box", children={"a": {"b": ["IPY_MODEL_local-comm"]}}) == {
        "children": {"a": {"b": []}}
    }


EVIL = "<b>ok</b><img src=x onerror=window.pwned=1>"


@pytest.mark.parametrize(
    ("name", "trait"),
    [
        ("HTMLModel", "value"),
        ("HTMLMathModel", "value"),
        ("IntSliderModel", "description"),
        ("CheckboxModel", "description"),
    ],
)
def test_traits_that_are_html_are_cleaned(machine: Machine, name: str, trait: str) -> None:
    found = machine.open("w", model(name, **{trait: EVIL}))
    assert found is not None
    assert "onerror" not in found[trait]
    assert "<b>ok</b>" in found[trait]
    found = machine.update("w", **{trait: EVIL})
    assert found is not None and "onerror" not in found[trait]


def test_a_text_cannot_be_turned_into_html_by_another_view(machine: Machine) -> None:
    state = {**model("LabelModel", value=EVIL), "_view_name": "HTMLView"}
    found = machine.open("w", state)
    assert found is None or "_view_name" not in found
    machine.open("t", model("TextModel", value=EVIL))
    assert machine.update("t", _view_name="HTMLView") == {}


def test_a_text_box_keeps_html_as_text(machine: Machine) -> None:
    found = machine.open("w", model("TextareaModel", value=EVIL))
    assert found is not None
    assert found["value"] == EVIL


def test_styles_load_and_cover_nothing(machine: Machine) -> None:
    style = model("HTMLStyleModel", background="url(https://evil.example)", font_size="12px")
    found = machine.open("s", style)
    assert found is not None
    assert found["background"] is None
    assert found["font_size"] == "12px"
    layout = model("LayoutModel", "@jupyter-widgets/base", width="calc(100% - 10px)")
    found = machine.open("l", layout)
    assert found is not None and found["width"] == "calc(100% - 10px)"
    found = machine.open("w", model("TextModel", _dom_classes=["jp-Dialog", "widget-text", 5]))
    assert found is not None and found["_dom_classes"] == ["widget-text"]


def test_an_output_captures_for_its_own_cells_alone(machine: Machine) -> None:
    output = model("OutputModel", "@jupyter-widgets/output", msg_id="a-local-cell", outputs=[])
    found = machine.open("o", output)
    assert found is not None and found["msg_id"] == ""
    assert machine.update("o", msg_id="my-cell") == {"msg_id": "my-cell"}
    assert machine.update("o", msg_id="") == {"msg_id": ""}


def test_what_an_output_holds_is_cleaned(machine: Machine) -> None:
    machine.open("o", model("OutputModel", "@jupyter-widgets/output"))
    outputs = [
        {"output_type": "display_data", "data": {"text/html": EVIL}, "metadata": {"x": 1}},
        {"output_type": "stream", "name": "stdout", "text": "a\x1b]0;t\x07"},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[2Jt"]},
        {"output_type": "evil", "data": {}},
        "no output",
    ]
    found = machine.update("o", outputs=outputs)
    assert found == {
        "outputs": [
            {
                "output_type": "display_data",
                "data": {"text/html": "<b>ok</b><img>"},
                "metadata": {},
            },
            {"output_type": "stream", "name": "stdout", "text": "a"},
            {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["t"]},
        ]
    }


def test_a_buffer_passes_as_a_whole_trait_and_nowhere_else(machine: Machine) -> None:
    picture = model("ImageModel", format="png")
    found = machine.open("i", picture, paths=[["value"]], buffers=(b"\x89PNG",))
    assert found == {**picture, "value": None}
    output = model("OutputModel", "@jupyter-widgets/output")
    hidden = [{"output_type": "display_data", "data": {"text/html": EVIL}, "metadata": {}}]
    paths = [["outputs", 0, "data", "x"]]
    assert machine.open("o", {**output, "outputs": hidden}, paths=paths, buffers=(b"x",)) is None
    assert machine.open("u", model("ImageModel", format="url", value="https://e")) is not None


@pytest.mark.parametrize(
    "paths", [[["a", "b"]], [[]], [[5]], [["value"], ["value"]], "value", [["a"] * 50], [[["x"]]]]
)
def test_paths_of_buffers_that_lead_nowhere_are_left_out(machine: Machine, paths: Any) -> None:
    assert machine.open("w", model("ImageModel"), paths=paths, buffers=(b"x",)) is None


def test_states_that_are_too_deep_or_too_much_are_left_out(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    assert machine.open("w", model("TextModel", value=deep)) is None
    monkeypatch.setattr(comms, "MOST_BYTES", 10_000)
    assert machine.open("a", model("TextModel", value="x" * 8000)) is not None
    assert machine.update("a", value="y" * 8000) is not None
    assert machine.open("b", model("TextModel", value="x" * 8000)) is None
    machine.say("comm_close", {"comm_id": "a", "data": {}})
    assert machine.open("b", model("TextModel", value="x" * 8000)) is not None


@pytest.mark.parametrize("data", [None, 5, [], {}, {"method": "eval"}, {"method": ["update"]}])
def test_messages_of_unknown_kinds_are_left_out(machine: Machine, data: Any) -> None:
    machine.open("w", model("TextModel"))
    assert machine.say("comm_msg", {"comm_id": "w", "data": data}) is None
