"""Values of the standard library that hold nothing which could refer back to them."""

from __future__ import annotations

import array
import datetime
import decimal
import enum
import fractions
import io
import ipaddress
import pathlib
import random
import re
import uuid
import zoneinfo
from typing import Any

from jupyter_remote_gpu.state.codecs.placed import name_of, placed

from .instances import coded_hash
from .limits import MAX_PATTERN_CHARS, MAX_PATTERNS, must, refuse
from .looking import inherits, is_class, is_of, module_of, mro_of, vars_of
from .parts import Adapter, Arriving, Parts, exactly, parts_of, text, whole

_ZONE = re.compile(r"[A-Za-z0-9_+\-]{1,30}(/[A-Za-z0-9_+\-]{1,30}){0,3}")
_PATTERN_FLAGS = int(re.A | re.I | re.M | re.S | re.U | re.X)
_PATHS = {
    kind.__name__: kind
    for kind in (pathlib.PurePosixPath, pathlib.PureWindowsPath, type(pathlib.Path()))
}
_ADDRESSES = {
    kind.__name__: kind
    for kind in (
        *(ipaddress.IPv4Address, ipaddress.IPv6Address),
        *(ipaddress.IPv4Network, ipaddress.IPv6Network),
    )
}
_FLAG_HOOKS = ("_missing_", "__or__", "__new_member__")
_UTC = datetime.timezone.utc


def _take_datetime(value: datetime.datetime) -> Parts:
    numbers = (value.year, value.month, value.day, *_clock(value))
    return Parts("datetime", (*numbers, value.fold, _zone(value.tzinfo)))


def _clock(value: datetime.datetime | datetime.time) -> tuple[int, ...]:
    return value.hour, value.minute, value.second, value.microsecond


def _zone(zone: Any) -> Any:
    if zone is not None and not is_of(zone, datetime.timezone, zoneinfo.ZoneInfo):
        refuse(f"a time zone of the class {type(zone).__qualname__} is code")
    return zone


def _take_zone(value: Any) -> Parts:
    if not value.key:
        refuse("a time zone without a name is not plain data")
    return Parts("zone", (value.key,))


def _take_pattern(value: Any) -> Parts:
    return Parts("pattern", (value.pattern, value.flags))


def _take_timezone(value: datetime.timezone) -> Parts:
    name = value.tzname(None)
    offset = value.utcoffset(None)
    plain = datetime.timezone(offset).tzname(None)
    return Parts("fixed zone", (offset,) if name == plain else (offset, name))


def _take_path(value: pathlib.PurePath) -> Parts:
    name = name_of(value)
    if name is None:
        return Parts("path", (type(value).__name__, str(value)))
    return Parts("placed", (name.text, name.inside, str(value)))


def _take_stream(value: Any) -> Parts:
    if value.closed:
        refuse("a stream that was closed holds nothing")
    return Parts("stream", (value.getvalue(), value.tell()))


TAKERS: dict[type, Any] = {
    complex: lambda v: Parts("complex", (v.real, v.imag)),
    range: lambda v: Parts("range", (v.start, v.stop, v.step)),
    slice: lambda v: Parts("slice", (v.start, v.stop, v.step)),
    datetime.datetime: _take_datetime,
    datetime.date: lambda v: Parts("date", (v.year, v.month, v.day)),
    datetime.time: lambda v: Parts("time", (*_clock(v), v.fold, _zone(v.tzinfo))),
    datetime.timedelta: lambda v: Parts("timedelta", (v.days, v.seconds, v.microseconds)),
    datetime.timezone: _take_timezone,
    zoneinfo.ZoneInfo: _take_zone,
    decimal.Decimal: lambda v: Parts("decimal", (str(v),)),
    fractions.Fraction: lambda v: Parts("fraction", (v.numerator, v.denominator)),
    uuid.UUID: lambda v: Parts("uuid", (v.bytes,)),
    re.Pattern: _take_pattern,
    array.array: lambda v: Parts("numbers", (v.typecode,), (v.tobytes(),)),
    io.BytesIO: _take_stream,
    io.StringIO: _take_stream,
    random.Random: lambda v: Parts("random", (), v.getstate()),
    **dict.fromkeys(_PATHS.values(), _take_path),
    **{
        kind: (lambda v: Parts("address", (type(v).__name__, str(v))))
        for kind in _ADDRESSES.values()
    },
}


def take_member(member: enum.Enum) -> Parts:
    """Take a member of an enumeration apart: by its name, or for flags by the names it joins."""
    cls = type(member)
    if member.name is not None and cls._member_map_.get(member.name) is member:
        return Parts("member", (cls, member.name))
    names = []
    if isinstance(member, enum.Flag):
        names = [n for n, m in cls._member_map_.items() if _within(m, member)]
    if not names:
        refuse(f"a {cls.__qualname__} without a name is not plain data")
    return Parts("member", (cls, *names))


def _own_hook(contents: Any, hook: str) -> bool:
    """Say whether a class has a hook of its own; Python copies those of `Flag` into each."""
    found = contents.get(hook)
    return found is not None and found is not vars(enum.Flag).get(hook)


def _within(part: Any, flags: Any) -> bool:
    return part in flags


def _make_member(at: Arriving, parts: list[Any]) -> Any:
    cls, *names = parts
    must(is_class(cls) and inherits(cls, enum.Enum), "a member belongs to an enumeration")
    members: Any = vars_of(cls).get("_member_map_")
    must(type(members) is dict and all(text(n) in members for n in names), "a member is known")
    found = members[names[0]]
    if len(names) > 1:
        typed = [c for c in mro_of(cls) if module_of(c) not in ("enum", "builtins")]
        own = any(_own_hook(vars_of(c), hook) for c in typed for hook in _FLAG_HOOKS)
        must(inherits(cls, enum.Flag) and not own, "only plain flags are joined")
        for name in names[1:]:
            found = enum.Flag.__or__(found, members[name])
    if coded_hash(cls):
        at.coded.add(id(found))
    return found


def _make_date(at: Arriving, parts: list[Any]) -> Any:
    return datetime.date(*_small(parts_of(parts, 3)))


def _small(parts: list[Any]) -> list[int]:
    return [whole(part, 0, 10_000_000) for part in parts]


def _make_datetime(at: Arriving, parts: list[Any]) -> Any:
    *numbers, fold, zone = parts_of(parts, 9)
    return datetime.datetime(*_small(numbers), tzinfo=_known_zone(zone), fold=whole(fold, 0, 1))  # type: ignore[misc,arg-type]


def _make_time(at: Arriving, parts: list[Any]) -> Any:
    *numbers, fold, zone = parts_of(parts, 6)
    return datetime.time(*_small(numbers), tzinfo=_known_zone(zone), fold=whole(fold, 0, 1))  # type: ignore[misc,arg-type]


def _known_zone(zone: Any) -> Any:
    known = zone is None or is_of(zone, datetime.timezone, zoneinfo.ZoneInfo)
    must(known, "a time zone is one of Python's own")
    return zone


def _make_timedelta(at: Arriving, parts: list[Any]) -> Any:
    numbers = [whole(part, -(10**9), 10**9) for part in parts_of(parts, 3)]
    return datetime.timedelta(*numbers)


def _make_fixed_zone(at: Arriving, parts: list[Any]) -> Any:
    offset, *name = parts
    exactly(offset, datetime.timedelta, "a fixed zone has an offset")
    if not name and not offset:
        return _UTC
    return datetime.timezone(offset, *(text(n, 100) for n in name))


def _make_zone(at: Arriving, parts: list[Any]) -> Any:
    (key,) = parts_of(parts, 1)
    must(_ZONE.fullmatch(text(key, 100)) is not None, "a time zone has a plain name")
    return zoneinfo.ZoneInfo(key)


def _make_decimal(at: Arriving, parts: list[Any]) -> Any:
    return decimal.Decimal(text(parts_of(parts, 1)[0], 100_000))


def _make_fraction(at: Arriving, parts: list[Any]) -> Any:
    over, under = (whole(part, -(1 << 65536), 1 << 65536) for part in parts_of(parts, 2))
    must(under > 0, "a fraction has a positive denominator")
    return fractions.Fraction(over, under)


def _make_uuid(at: Arriving, parts: list[Any]) -> Any:
    return uuid.UUID(bytes=exactly(parts_of(parts, 1)[0], bytes, "a UUID is made of bytes"))


def _make_pattern(at: Arriving, parts: list[Any]) -> Any:
    pattern, flags = parts_of(parts, 2)
    at.patterns += 1
    must(at.patterns <= MAX_PATTERNS, "there are not too many regular expressions")
    must(is_of(pattern, str, bytes) and len(pattern) <= MAX_PATTERN_CHARS, "a pattern is short")
    return re.compile(pattern, whole(flags, 0, 1 << 20) & _PATTERN_FLAGS)


def _make_path(at: Arriving, parts: list[Any]) -> Any:
    kind, path = (text(part, 100_000) for part in parts_of(parts, 2))
    return _PATHS[kind](path)


def _make_placed(at: Arriving, parts: list[Any]) -> Any:
    # Which data those are, `found` knows; the name alone leads to nothing that is not known here.
    return placed(*(text(part, 100_000) for part in parts_of(parts, 3)))


def _make_address(at: Arriving, parts: list[Any]) -> Any:
    kind, address = (text(part, 100) for part in parts_of(parts, 2))
    return _ADDRESSES[kind](address)


def _make_numbers(at: Arriving, parts: list[Any]) -> Any:
    code = text(parts_of(parts, 1)[0], 1)
    must(code in "bBhHiIlLqQfd" and bool(code), "an array has a type of numbers")
    return array.array(code)


def _fill_numbers(at: Arriving, value: Any, parts: list[Any]) -> None:
    value.frombytes(exactly(parts_of(parts, 1)[0], bytes, "an array is made of bytes"))


def _make_stream(at: Arriving, parts: list[Any]) -> Any:
    content, place = parts_of(parts, 2)
    must(is_of(content, str, bytes), "a stream holds text or bytes")
    stream: Any = io.StringIO(content, newline="") if type(content) is str else io.BytesIO(content)
    stream.seek(whole(place, 0, 1 << 62))
    return stream


def _fill_random(at: Arriving, value: random.Random, parts: list[Any]) -> None:
    version, internal, gauss = parts_of(parts, 3)
    must(gauss is None or type(gauss) is float, "a random state is made of numbers")
    exactly(internal, tuple, "a random state is made of numbers")
    must(all(type(n) is int for n in internal), "a random state is made of numbers")
    value.setstate((whole(version, 1, 10), internal, gauss))


def _numbers(at: Arriving, parts: list[Any], longest: int = 1 << 70) -> list[int]:
    return [whole(part, -longest, longest) for part in parts_of(parts, 3)]


def _make_complex(at: Arriving, parts: list[Any]) -> complex:
    real, imaginary = (exactly(p, float, "complex is two floats") for p in parts_of(parts, 2))
    return complex(real, imaginary)


def _make_slice(at: Arriving, parts: list[Any]) -> slice:
    return slice(*parts_of(parts, 3))


ADAPTERS = {
    "complex": Adapter(_make_complex),
    "range": Adapter(lambda at, parts: range(*_numbers(at, parts))),
    "slice": Adapter(_make_slice),
    "datetime": Adapter(_make_datetime),
    "date": Adapter(_make_date),
    "time": Adapter(_make_time),
    "timedelta": Adapter(_make_timedelta),
    "fixed zone": Adapter(_make_fixed_zone),
    "zone": Adapter(_make_zone),
    "decimal": Adapter(_make_decimal),
    "fraction": Adapter(_make_fraction),
    "uuid": Adapter(_make_uuid),
    "pattern": Adapter(_make_pattern),
    "path": Adapter(_make_path),
    "placed": Adapter(_make_placed),
    "address": Adapter(_make_address),
    "numbers": Adapter(_make_numbers, _fill_numbers),
    "stream": Adapter(_make_stream),
    "random": Adapter(lambda at, parts: random.Random(), _fill_random),
    "member": Adapter(_make_member),
}
