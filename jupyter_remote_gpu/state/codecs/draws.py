"""NumPy's random generators, by name and state: its own pickles differ between versions."""

from __future__ import annotations

import sys
from typing import Any

Reduced = tuple[Any, ...]


def reduce_draws(obj: Any) -> Reduced | None:
    """Return how to pickle a generator, its source of bits or its seed; None for all else."""
    random: Any = sys.modules.get("numpy.random")
    if random is None:
        return None
    kind = type(obj)
    if kind is random.Generator:
        return make_generator, (obj.bit_generator,)
    if kind is random.RandomState:
        return make_old, (obj._bit_generator, obj.get_state(legacy=False))
    if kind is random.SeedSequence:
        children = {"n_children_spawned": obj.n_children_spawned, "pool_size": obj.pool_size}
        return make_seed, (obj.entropy, obj.spawn_key, children)
    if isinstance(obj, random.BitGenerator) and kind is getattr(random, kind.__name__, None):
        # the name first, the state after it: the seed may be shared with others
        return make_bits, (kind.__name__, obj.state, getattr(obj, "seed_seq", None))
    return None


def make_generator(bits: Any) -> Any:
    """Rebuild a Generator over its source of bits."""
    import numpy as np

    return np.random.Generator(bits)


def make_old(bits: Any, state: Any) -> Any:
    """Rebuild a RandomState."""
    import numpy as np

    found = np.random.RandomState(bits)
    found.set_state(state)
    return found


def make_bits(name: str, state: Any, seed: Any) -> Any:
    """Rebuild a source of bits."""
    import numpy as np

    kind: Any = getattr(np.random, name)
    found = kind(0 if seed is None else seed)
    found.state = state
    return found


def make_seed(entropy: Any, spawn_key: tuple[int, ...], more: dict[str, int]) -> Any:
    """Rebuild a SeedSequence, which goes on spawning where it was."""
    import numpy as np

    return np.random.SeedSequence(entropy, spawn_key=spawn_key, **more)
