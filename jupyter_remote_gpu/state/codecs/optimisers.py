"""Torch's optimisers with all they hold; torch's own pickles keep three of their attributes.

A scheduler puts a counting wrapper around `step` of its optimiser, which no
pickle can hold: it is made anew. Without it the scheduler would warn that
`step` was never called.
"""

from __future__ import annotations

import functools
import sys
import weakref
from typing import Any

from .arrays import Reduced

_PICKLED = frozenset({"defaults", "state", "param_groups"})
_MARK = "_wrapped_by_lr_sched"


def reduce_optimiser(optimiser: Any) -> Reduced | None:
    """Return how to pickle an optimiser; None if its class has a way of its own."""
    base = sys.modules["torch"].optim.Optimizer
    kind: Any = type(optimiser)
    if kind.__getstate__ is not base.__getstate__ or kind.__reduce_ex__ is not object.__reduce_ex__:
        return None
    make, arguments, state, *_ = optimiser.__reduce_ex__(5)
    more = {name: value for name, value in vars(optimiser).items() if name not in _PICKLED}
    counted = hasattr(more.get("step"), _MARK)
    if counted:
        del more["step"]
    return make, arguments, (state, more, counted), None, None, set_optimiser_state


def set_optimiser_state(optimiser: Any, state: tuple[dict[str, Any], dict[str, Any], bool]) -> None:
    """Give a rebuilt optimiser its attributes, and `step` its wrapper."""
    pickled, more, counted = state
    optimiser.__setstate__(pickled)
    optimiser.__dict__.update(more)
    if counted:
        optimiser.step = _counting(optimiser)


def _counting(optimiser: Any) -> Any:
    """Return `step` as a scheduler leaves it: it notes that it was called."""
    kept = weakref.ref(optimiser)
    function = type(optimiser).step

    @functools.wraps(function)
    def step(*args: Any, **kwargs: Any) -> Any:
        target: Any = kept()
        target._opt_called = True
        return function(target, *args, **kwargs)

    setattr(step, _MARK, True)
    return step
