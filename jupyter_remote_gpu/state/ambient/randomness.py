"""The states of the random generators of `random`, NumPy and torch: seed here, draw there."""

from __future__ import annotations

import random
import sys
from typing import Any

from .unit import AmbientUnit


def _python_take(state: Any) -> None:
    version, internal, gauss = state
    random.setstate((version, tuple(internal), gauss))


def _numpy_look() -> Any:
    state = sys.modules["numpy"].random.get_state(legacy=False)
    inner = state["state"]
    key = inner["key"].tobytes() if "key" in inner else repr(inner)
    return state["bit_generator"], key, inner.get("pos"), state.get("gauss"), state.get("has_gauss")


def _numpy_tell() -> Any:
    kind, *rest = sys.modules["numpy"].random.get_state(legacy=True)
    key, position, has_gauss, gauss = rest
    return str(kind), key.tobytes(), int(position), int(has_gauss), float(gauss)


def _numpy_take(state: Any) -> None:
    import numpy as np

    kind, key, position, has_gauss, gauss = state
    np.random.set_state((kind, np.frombuffer(key, np.uint32), position, has_gauss, gauss))


def _torch_look() -> Any:
    return bytes(sys.modules["torch"].get_rng_state().numpy().data)


def _torch_take(state: Any) -> None:
    import torch

    before = torch.initial_seed()
    torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
    if torch.initial_seed() != before and torch.cuda.is_available():
        torch.cuda.manual_seed_all(torch.initial_seed())  # a seed set without a GPU seeds this one


UNITS = (
    AmbientUnit("random", "", random.getstate, random.getstate, _python_take),
    AmbientUnit("numpy.random", "numpy", _numpy_look, _numpy_tell, _numpy_take),
    AmbientUnit("torch.random", "torch", _torch_look, _torch_look, _torch_take),
)
