"""A widget's state, its bytes taken out and put back."""

from __future__ import annotations

from jupyter_remote_gpu.magic.widget_state import WidgetModel, split

STATE = {"a": b"one", "list": [1, {"deep": b"two"}, b"three"], "text": "kept"}


def test_split_takes_all_bytes_out_and_changes_nothing() -> None:
    rest, paths, buffers = split(STATE)
    assert rest == {"list": [1, {}, None], "text": "kept"}
    assert paths == [["a"], ["list", 1, "deep"], ["list", 2]]
    assert buffers == [b"one", b"two", b"three"]
    assert STATE["a"] == b"one"


def test_what_was_split_is_put_back_by_a_model() -> None:
    rest, paths, buffers = split(STATE)
    model = WidgetModel()
    model.merge({"state": rest, "buffer_paths": paths}, buffers)
    assert model.state == STATE
    # The message's own containers were not written into.
    assert rest["list"] == [1, {}, None]


def test_updates_merge_by_key_and_other_messages_change_nothing() -> None:
    model = WidgetModel()
    model.merge({"state": {"value": 1, "max": 9}}, ())
    model.merge({"method": "update", "state": {"value": 2}, "buffer_paths": []}, ())
    copied = model.copy()
    model.merge({"method": "custom", "content": {"event": "click"}}, ())
    model.merge("no widget's data", ())
    model.merge({"state": {"value": 3}}, ())
    assert model.state == {"value": 3, "max": 9}
    assert copied.state == {"value": 2, "max": 9}


def test_only_a_state_with_a_class_is_a_model() -> None:
    model = WidgetModel()
    model.merge({"state": {"value": 1}}, ())
    assert not model.is_model
    named = {"_model_name": "N", "_model_module": "m", "_model_module_version": "2"}
    model.merge({"state": named}, ())
    assert model.is_model
    assert model.described() == {
        "model_name": "N",
        "model_module": "m",
        "model_module_version": "2",
        "state": {"value": 1, **named},
    }
