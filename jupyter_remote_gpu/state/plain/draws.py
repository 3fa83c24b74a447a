"""Random generators as values: NumPy's `Generator` and `RandomState`, and torch's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .limits import must, refuse
from .parts import Adapter, Arriving, Parts, exactly, parts_of, text, whole

_WORD, _LONG, _HUGE = (1 << 32) - 1, (1 << 64) - 1, (1 << 128) - 1
_WORDS, _LONGS = "<u4", "<u8"
Field = tuple[str, int]

# field -> (element type, count) of an array, or ("", largest) of a number
_CARRY: dict[str, Field] = {"has_uint32": ("", 1), "uinteger": ("", _WORD)}
_INNER: dict[str, dict[str, Field]] = {
    "MT19937": {"key": (_WORDS, 624), "pos": ("", 624)},
    "PCG64": {"state": ("", _HUGE), "inc": ("", _HUGE)},
    "PCG64DXSM": {"state": ("", _HUGE), "inc": ("", _HUGE)},
    "Philox": {"counter": (_LONGS, 4), "key": (_LONGS, 2)},
    "SFC64": {"state": (_LONGS, 4)},
}
_OUTER: dict[str, dict[str, Field]] = {
    "MT19937": {},
    "PCG64": _CARRY,
    "PCG64DXSM": _CARRY,
    "Philox": {"buffer": (_LONGS, 4), "buffer_pos": ("", 4), **_CARRY},
    "SFC64": _CARRY,
}


def takers() -> dict[type, Callable[[Any], Parts]]:
    """Return how generators of the libraries imported here are taken apart."""
    found: dict[type, Callable[[Any], Parts]] = {}
    random: Any = sys.modules.get("numpy.random")
    if random is not None and hasattr(random, "Generator"):
        found[random.Generator] = lambda g: Parts("generator", (g.bit_generator,))
        found[random.RandomState] = _take_legacy
        found[random.SeedSequence] = _take_seeds
        found |= {getattr(random, name): _take_bits for name in _INNER}
    torch: Any = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "Generator"):
        found[torch.Generator] = _take_torch
    return found


def _take_bits(generator: Any) -> Parts:
    kind = type(generator).__name__
    state = generator.state
    values = [state["state"][name] for name in _INNER[kind]]
    values += [state[name] for name in _OUTER[kind]]
    plain = [v.tobytes() if hasattr(v, "tobytes") else int(v) for v in values]
    seeds = getattr(generator, "seed_seq", None)
    known = type(seeds) is sys.modules["numpy"].random.SeedSequence
    return Parts("bits", (kind, seeds if known else None, *plain))


def _take_seeds(seeds: Any) -> Parts:
    entropy = seeds.entropy
    entropy = entropy if entropy is None or isinstance(entropy, int) else tuple(map(int, entropy))
    facts = (seeds.pool_size, seeds.n_children_spawned)
    return Parts("seeds", (entropy, *facts, *map(int, seeds.spawn_key)))


def _take_legacy(state: Any) -> Parts:
    found = state.get_state(legacy=False)
    return Parts(
        "random state", (state._bit_generator, int(found["has_gauss"]), float(found["gauss"]))
    )


def _take_torch(generator: Any) -> Parts:
    if generator.device.type != "cpu":
        refuse(f"a generator of the device {generator.device} belongs to its machine")
    return Parts("torch generator", (bytes(generator.get_state().numpy().data),))


def _make_seeds(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np

    entropy, pool, spawned, *key = parts
    several = type(entropy) is tuple
    must(entropy is None or several or type(entropy) is int, "entropy is made of numbers")
    for number in entropy if several else (entropy or 0,):
        whole(number, 0, 1 << 8192)
    must(len(key) <= 1000 and (not several or len(entropy) <= 1000), "seeds are short")
    return np.random.SeedSequence(
        list(entropy) if several else entropy,
        spawn_key=tuple(whole(n, 0, _LONG) for n in key),
        pool_size=whole(pool, 4, 64),
        n_children_spawned=whole(spawned, 0, 1 << 31),
    )


def _make_bits(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np

    kind, seeds, *values = parts
    must(text(kind, 20) in _INNER, "a generator is of a known kind")
    inner, outer = _INNER[kind], _OUTER[kind]
    must(len(values) == len(inner) + len(outer), "a generator has all of its state")
    known = seeds is None or type(seeds) is np.random.SeedSequence
    must(known, "a generator was seeded by a sequence")
    generator = getattr(np.random, kind)(0 if seeds is None else seeds)
    checked = [
        _field(value, *field)
        for value, field in zip(values, [*inner.values(), *outer.values()], strict=True)
    ]
    state = dict(zip(outer, checked[len(inner) :], strict=True))
    generator.state = {
        "bit_generator": kind,
        "state": dict(zip(inner, checked, strict=False)),
        **state,
    }
    return generator


def _field(value: Any, element: str, limit: int) -> Any:
    if not element:
        return whole(value, 0, limit)
    import numpy as np

    exactly(value, bytes, "a state is made of bytes")
    must(len(value) == limit * np.dtype(element).itemsize, "a state has its length")
    return np.frombuffer(value, element).astype(element[1:])


def _bit_generator(value: Any) -> Any:
    import numpy as np

    known = any(type(value) is getattr(np.random, name) for name in _INNER)
    must(known, "a generator draws from bits")
    return value


def _make_generator(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np

    return np.random.Generator(_bit_generator(parts_of(parts, 1)[0]))


def _make_legacy(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np

    bits, has_gauss, gauss = parts_of(parts, 3)
    found = np.random.RandomState(_bit_generator(bits))
    state: Any = found.get_state(legacy=False)
    state["has_gauss"] = whole(has_gauss, 0, 1)
    state["gauss"] = exactly(gauss, float, "a draw is a float")
    found.set_state(state)
    return found


def _make_torch(at: Arriving, parts: list[Any]) -> Any:
    import torch

    (state,) = parts_of(parts, 1)
    found = torch.Generator()
    exactly(state, bytes, "a state is made of bytes")
    must(len(state) == found.get_state().numel(), "a state has its length")
    found.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
    return found


ADAPTERS = {
    "bits": Adapter(_make_bits),
    "seeds": Adapter(_make_seeds),
    "generator": Adapter(_make_generator),
    "random state": Adapter(_make_legacy),
    "torch generator": Adapter(_make_torch),
}
