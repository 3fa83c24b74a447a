"""A widget's state as its comm messages carry it: JSON with the bytes set apart.

The widget protocol sends a state as JSON plus a list of buffers, and for each
buffer the path of keys and indexes at which it belongs. Same in ipywidgets 7
and 8; done here so that remote widgets need no ipywidgets on this side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Path = list[Any]


class WidgetModel:
    """The last known state of one remote widget, its buffers in their places.

    Not locked: the caller sees to it that one thread at a time is in here.
    """

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}

    def merge(self, data: Any, buffers: Sequence[Any]) -> None:
        """Take in the data of a `comm_open`, `update` or `echo_update`; others change nothing."""
        if not isinstance(data, dict) or not isinstance(data.get("state"), dict):
            return
        state = dict(data["state"])
        for path, buffer in zip(data.get("buffer_paths") or (), buffers, strict=False):
            _put(state, path, bytes(buffer))
        self.state.update(state)

    def copy(self) -> WidgetModel:
        """Return the same state as a model of its own; later merges do not reach it."""
        made = WidgetModel()
        made.state = dict(self.state)
        return made

    @property
    def is_model(self) -> bool:
        """Whether a front end could make a widget of this state."""
        return all(key in self.state for key in _CLASS)

    def described(self) -> dict[str, Any]:
        """Return the model's class and state, bytes in place, as `update_states` lists it."""
        return {key.lstrip("_"): self.state[key] for key in _CLASS} | {"state": self.state}


def split(value: Any) -> tuple[Any, list[Path], list[bytes]]:
    """Return a value without its bytes, their paths, and them; the value given is not changed."""
    paths: list[Path] = []
    buffers: list[bytes] = []
    return _split(value, [], paths, buffers), paths, buffers


_CLASS = ("_model_name", "_model_module", "_model_module_version")
_BYTES = (bytes, bytearray, memoryview)


def _split(value: Any, path: Path, paths: list[Path], buffers: list[bytes]) -> Any:
    if isinstance(value, dict):
        whole = {key: _split(v, [*path, key], paths, buffers) for key, v in value.items()}
        return {key: v for key, v in whole.items() if not isinstance(value[key], _BYTES)}
    if isinstance(value, (list, tuple)):
        return [_split(v, [*path, index], paths, buffers) for index, v in enumerate(value)]
    if isinstance(value, _BYTES):
        paths.append(path)
        buffers.append(bytes(value))
        return None
    return value


def _put(state: dict[str, Any], path: Path, buffer: bytes) -> None:
    """Put a buffer at its path, copying the containers on the way."""
    at: Any = state
    for key in path[:-1]:
        inner = at[key]
        at[key] = inner = dict(inner) if isinstance(inner, dict) else list(inner)
        at = inner
    at[path[-1]] = buffer
