"""pandas: frames, series and indexes by their blocks; pandas infers nothing and calls nothing."""

from __future__ import annotations

import datetime
import re
import sys
import zoneinfo
from collections.abc import Callable
from typing import Any

from .limits import must, refuse
from .looking import is_a, is_of
from .parts import Adapter, Arriving, Parts, exactly, parts_of, text, whole

_FREQUENCY = re.compile(r"[A-Za-z0-9@+-]{1,20}")
_UNITS = ("s", "ms", "us", "ns")
_CLOSED = ("left", "right", "both", "neither")
_BLOCK_KINDS = "biufcO"
_FAR = 1 << 63


def takers() -> dict[type, Callable[[Any], Parts]]:
    """Return how pandas' kinds are taken apart; none if it is not imported here."""
    pd: Any = sys.modules.get("pandas")
    if pd is None or not hasattr(pd, "DataFrame") or not hasattr(pd, "arrays"):
        return {}
    return {
        pd.DataFrame: _take_frame,
        pd.Series: _take_series,
        pd.RangeIndex: lambda i: Parts("range index", (i.start, i.stop, i.step, i.name)),
        pd.MultiIndex: _take_multi,
        pd.DatetimeIndex: _take_regular,
        pd.TimedeltaIndex: _take_regular,
        **dict.fromkeys((pd.Index, pd.PeriodIndex, pd.CategoricalIndex), _take_index),
        pd.IntervalIndex: _take_index,
        pd.Categorical: lambda c: Parts("categories", (c.codes, c.categories, c.ordered)),
        pd.arrays.DatetimeArray: lambda a: Parts("times", (a._ndarray, _zone(a.tz))),
        pd.arrays.TimedeltaArray: lambda a: Parts("spans", (a._ndarray,)),
        pd.arrays.PeriodArray: lambda a: Parts("periods", (a._ndarray, a.freqstr)),
        pd.arrays.IntervalArray: lambda a: Parts("intervals", (a.left, a.right, a.closed)),
        **{
            getattr(pd.arrays, name): _take_masked
            for name in ("IntegerArray", "FloatingArray", "BooleanArray")
        },
        **dict.fromkeys(_string_arrays(pd), _take_strings),
        pd.Timestamp: lambda t: Parts("timestamp", (_count(t), t.unit, _zone(t.tz))),
        pd.Timedelta: lambda t: Parts("duration", (_count(t), t.unit)),
        pd.Period: lambda p: Parts("period", (p.ordinal, p.freqstr)),
        pd.Interval: lambda i: Parts("interval", (i.left, i.right, i.closed)),
    }


def take_other(value: Any) -> Parts | None:
    """Take pandas' marks of missing values apart."""
    pd: Any = sys.modules.get("pandas")
    if pd is None or not hasattr(pd, "NaT"):
        return None
    if value is pd.NaT:
        return Parts("missing", ("NaT",))
    return Parts("missing", ("NA",)) if value is pd.NA else None


def _string_arrays(pd: Any) -> list[type]:
    names = ("StringArray", "ArrowStringArray")
    return [getattr(pd.arrays, name) for name in names if hasattr(pd.arrays, name)]


def _count(value: Any) -> int:
    return int(getattr(value, "_value", None) or value.asm8.astype("i8"))


def _zone(zone: Any) -> Any:
    if zone is not None and not is_of(zone, datetime.timezone, zoneinfo.ZoneInfo):
        refuse(f"a time zone of the class {type(zone).__qualname__} is code")
    return zone


def _take_frame(frame: Any) -> Parts:
    manager = frame._mgr
    blocks = [part for b in manager.blocks for part in (list(b.mgr_locs.as_array), b.values)]
    blocks[::2] = [[int(n) for n in places] for places in blocks[::2]]
    once = bool(frame.flags.allows_duplicate_labels)
    attributes = frame.attrs
    parts = (frame.columns, frame.index, once, *blocks)
    return Parts("frame", parts, (attributes,) if attributes else None)


def _take_series(series: Any) -> Parts:
    values = series._mgr.blocks[0].values
    attributes = series.attrs
    parts = (series.index, values, series.name)
    return Parts("series", parts, (attributes,) if attributes else None)


def _take_index(index: Any) -> Parts:
    return Parts("index", (index._values, index.name, None))


def _take_regular(index: Any) -> Parts:
    return Parts("index", (index._values, index.name, index.freqstr))


def _take_multi(index: Any) -> Parts:
    codes = [[int(n) for n in part] for part in index.codes]
    return Parts("multi index", (len(index.levels), *index.levels, *codes, *index.names))


def _take_masked(array: Any) -> Parts:
    return Parts("masked numbers", (type(array).__name__, array._data, array._mask))


def _take_strings(array: Any) -> Parts:
    pd: Any = sys.modules["pandas"]
    missing = getattr(array.dtype, "na_value", pd.NA) is pd.NA
    held = tuple(None if v is pd.NA or v != v else v for v in array.tolist())
    return Parts("strings", (array.dtype.storage, missing, held))


def _frequency(value: Any) -> str:
    must(_FREQUENCY.fullmatch(text(value, 20)) is not None, "a frequency has a plain name")
    return value  # type: ignore[no-any-return]


def _known_zone(zone: Any) -> Any:
    known = zone is None or is_of(zone, datetime.timezone, zoneinfo.ZoneInfo)
    must(known, "a time zone is one of Python's own")
    return zone


def _array(value: Any, kinds: str, rule: str) -> Any:
    np: Any = sys.modules["numpy"]
    must(type(value) is np.ndarray and value.dtype.kind in kinds, rule)
    return value


def _values(value: Any) -> Any:
    """Return what a column or index may be made of: an array of numbers or one of pandas' own."""
    import pandas as pd

    own = tuple(getattr(pd.arrays, name) for name in _OWN_ARRAYS if hasattr(pd.arrays, name))
    if is_of(value, *own, pd.Categorical):
        return value
    return _array(value, _BLOCK_KINDS, "a column is made of numbers or objects")


_OWN_ARRAYS = (
    *("DatetimeArray", "TimedeltaArray", "PeriodArray", "IntervalArray"),
    *("IntegerArray", "FloatingArray", "BooleanArray", "StringArray", "ArrowStringArray"),
)


def _index(value: Any) -> Any:
    import pandas as pd

    must(is_a(value, pd.Index), "an index is one")
    return value


def _hashable(at: Arriving, index: Any) -> Any:
    """Return an index whose labels may be hashed."""
    if _index(index).dtype.kind == "O":
        at.hashable(index._values.tolist())
    return index


def _name(name: Any, depth: int = 3) -> Any:
    """Return what a column may be called: plain, or a tuple of it."""
    if type(name) is tuple and depth:
        return tuple(_name(part, depth - 1) for part in name)
    plain = name is None or is_of(name, str, bytes, int, float, bool, datetime.date)
    must(plain or is_a(name, *_scalars()), "names are numbers, texts or times")
    return name


def _scalars() -> tuple[type, ...]:
    import numpy as np
    import pandas as pd

    return np.generic, pd.Timestamp, pd.Timedelta, pd.Period


def _make_frame(at: Arriving, parts: list[Any]) -> Any:
    import pandas as pd
    from pandas._libs.internals import BlockPlacement
    from pandas.core.internals.blocks import new_block
    from pandas.core.internals.managers import BlockManager

    columns, index, duplicates, *rest = parts
    width, height = len(_index(columns)), len(_index(index))
    must(len(rest) % 2 == 0, "each block has its columns")
    blocks: list[Any] = []
    seen: set[int] = set()
    for places, held in zip(rest[::2], rest[1::2], strict=True):
        exactly(places, list, "the columns of a block are numbers")
        columns_here = [whole(n, 0, width - 1) for n in places]
        must(seen.isdisjoint(columns_here), "a column has one block")
        seen.update(columns_here)
        values = _values(held)
        shape = (len(places), height)
        flat = len(values.shape) == 1 and type(values) is not _ndarray()
        must(tuple(values.shape) == (shape[1:] if flat else shape), "a block has its shape")
        must(not flat or len(places) == 1, "a block has its shape")
        blocks.append(new_block(values, BlockPlacement(columns_here), ndim=2))
    must(len(seen) == width and sum(map(len, rest[::2])) == width, "every column has its block")
    manager = BlockManager(tuple(blocks), [columns, index], verify_integrity=True)
    frame = pd.DataFrame._from_mgr(manager, axes=manager.axes)
    if not exactly(duplicates, bool, "labels may repeat or not"):
        _hashable(at, columns)
        _hashable(at, index)
        frame.flags.allows_duplicate_labels = False
    return frame


def _ndarray() -> Any:
    return sys.modules["numpy"].ndarray


def _fill_attributes(at: Arriving, value: Any, parts: list[Any]) -> None:
    (attributes,) = parts_of(parts, 1)
    value.attrs = exactly(attributes, dict, "attributes are a dictionary")


def _make_series(at: Arriving, parts: list[Any]) -> Any:
    import pandas as pd

    index, values, name = parts_of(parts, 3)
    _name(name)
    must(len(_values(values).shape) == 1 and len(values) == len(_index(index)), "one value a label")
    return pd.Series(values, index=index, name=name, dtype=values.dtype, copy=False)


def _make_index(at: Arriving, parts: list[Any]) -> Any:
    import pandas as pd

    values, name, frequency = parts_of(parts, 3)
    _name(name)
    must(len(_values(values).shape) == 1, "an index has one dimension")
    index = pd.Index(values, name=name, dtype=values.dtype, copy=False, tupleize_cols=False)
    if frequency is not None:
        must(isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)), "only times are regular")
        index.freq = _frequency(frequency)
    return index


def _make_range_index(at: Arriving, parts: list[Any]) -> Any:
    import pandas as pd

    *numbers, name = parts_of(parts, 4)
    _name(name)
    return pd.RangeIndex(*(whole(n, -_FAR, _FAR) for n in numbers), name=name)


def _make_multi(at: Arriving, parts: list[Any]) -> Any:
    import pandas as pd

    count = whole(parts[0], 1, 1000)
    levels, codes, names = (parts[1 + i * count : 1 + (i + 1) * count] for i in range(3))
    parts_of(parts, 1 + 3 * count)
    for name in names:
        _name(name)
    for level, code in zip(levels, codes, strict=True):
        exactly(code, list, "codes are whole numbers")
        must(
            all(type(n) is int and -1 <= n < len(_hashable(at, level)) for n in code),
            "a code is known",
        )
    return pd.MultiIndex(levels=levels, codes=codes, names=names, verify_integrity=True)


def _make_categories(at: Arriving, parts: list[Any]) -> Any:
    import pandas as pd

    codes, categories, ordered = parts_of(parts, 3)
    _array(codes, "i", "codes are whole numbers")
    exactly(ordered, bool, "categories have an order or not")
    return pd.Categorical.from_codes(codes, categories=_hashable(at, categories), ordered=ordered)


def _make_times(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np
    import pandas as pd

    values, zone = parts_of(parts, 2)
    _array(values, "M", "times are an array of them")
    unit = np.datetime_data(values.dtype)[0]
    must(unit in _UNITS, "times are counted from seconds to nanoseconds")
    dtype = values.dtype if zone is None else pd.DatetimeTZDtype(unit, _known_zone(zone))
    return pd.arrays.DatetimeArray._simple_new(values, dtype=dtype)


def _make_spans(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np
    import pandas as pd

    (values,) = parts_of(parts, 1)
    _array(values, "m", "durations are an array of them")
    must(np.datetime_data(values.dtype)[0] in _UNITS, "durations have a known unit")
    return pd.arrays.TimedeltaArray._simple_new(values, dtype=values.dtype)


def _make_periods(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np
    import pandas as pd

    values, frequency = parts_of(parts, 2)
    _array(values, "i", "periods are whole numbers")
    must(values.dtype == np.int64, "periods are whole numbers")
    return pd.arrays.PeriodArray._simple_new(values, dtype=pd.PeriodDtype(_frequency(frequency)))


def _make_intervals(at: Arriving, parts: list[Any]) -> Any:
    import pandas as pd

    left, right, closed = parts_of(parts, 3)
    must(text(closed, 10) in _CLOSED, "an interval is closed on known sides")
    for side in (left, right):
        must(_index(side).dtype.kind in "iufmM", "an interval lies on numbers")
    return pd.arrays.IntervalArray.from_arrays(left, right, closed=closed)


def _make_masked(at: Arriving, parts: list[Any]) -> Any:
    import pandas as pd

    name, data, mask = parts_of(parts, 3)
    kinds = {"IntegerArray": "iu", "FloatingArray": "f", "BooleanArray": "b"}
    must(text(name, 20) in kinds, "masked numbers are of a known kind")
    _array(data, kinds[name], "masked numbers are numbers")
    must(_array(mask, "b", "a mask is yes or no").shape == data.shape, "a mask fits its data")
    return getattr(pd.arrays, name)(data, mask)


def _make_strings(at: Arriving, parts: list[Any]) -> Any:
    import pandas as pd

    storage, marked, held = parts_of(parts, 3)
    exactly(held, tuple, "texts are listed")
    must(all(v is None or type(v) is str for v in held), "texts are texts")
    must(text(storage, 10) in ("python", "pyarrow"), "texts are stored in a known way")
    if exactly(marked, bool, "a missing text has its mark"):
        dtype: Any = pd.StringDtype(storage)
    else:
        dtype = pd.StringDtype(storage, na_value=float("nan"))
    return pd.array(list(held), dtype=dtype)


def _moment(parts: list[Any], kind: str) -> Any:
    import numpy as np

    count, unit = parts
    must(text(unit, 5) in _UNITS, "a time has a known unit")
    return getattr(np, kind)(whole(count, -_FAR + 1, _FAR - 1), unit)


def _make_timestamp(at: Arriving, parts: list[Any]) -> Any:
    import pandas as pd

    *moment, zone = parts_of(parts, 3)
    found = pd.Timestamp(_moment(moment, "datetime64"))
    return found if zone is None else found.tz_localize("UTC").tz_convert(_known_zone(zone))


def _make_duration(at: Arriving, parts: list[Any]) -> Any:
    import pandas as pd

    return pd.Timedelta(_moment(parts_of(parts, 2), "timedelta64"))


def _make_period(at: Arriving, parts: list[Any]) -> Any:
    import pandas as pd

    ordinal, frequency = parts_of(parts, 2)
    return pd.Period(ordinal=whole(ordinal, -_FAR, _FAR), freq=_frequency(frequency))


def _make_interval(at: Arriving, parts: list[Any]) -> Any:
    import numpy as np
    import pandas as pd

    left, right, closed = parts_of(parts, 3)
    known = (int, float, pd.Timestamp, pd.Timedelta)
    for side in (left, right):
        must(is_of(side, *known) or is_a(side, np.generic), "an interval lies on numbers")
    return pd.Interval(left, right, closed=text(closed, 10))


def _make_missing(at: Arriving, parts: list[Any]) -> Any:
    import pandas as pd

    return {"NaT": pd.NaT, "NA": pd.NA}[text(parts_of(parts, 1)[0], 10)]


ADAPTERS = {
    "frame": Adapter(_make_frame, _fill_attributes),
    "series": Adapter(_make_series, _fill_attributes),
    "index": Adapter(_make_index),
    "range index": Adapter(_make_range_index),
    "multi index": Adapter(_make_multi),
    "categories": Adapter(_make_categories),
    "times": Adapter(_make_times),
    "spans": Adapter(_make_spans),
    "periods": Adapter(_make_periods),
    "intervals": Adapter(_make_intervals),
    "masked numbers": Adapter(_make_masked),
    "strings": Adapter(_make_strings),
    "timestamp": Adapter(_make_timestamp),
    "duration": Adapter(_make_duration),
    "period": Adapter(_make_period),
    "interval": Adapter(_make_interval),
    "missing": Adapter(_make_missing),
}
