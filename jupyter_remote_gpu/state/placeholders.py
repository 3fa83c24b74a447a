"""What a name holds while its newest value is elsewhere: it says so and refuses other uses."""

from __future__ import annotations

from typing import Any, NoReturn

from jupyter_remote_gpu.errors import ElsewhereError, LostError
from jupyter_remote_gpu.protocol.state import Description

_FORWARDED = (  # noqa: SIM905 (a list of a hundred quoted words reads worse)
    "abs add aenter aexit aiter and anext array array_interface await bool bytes call ceil "
    "complex contains copy deepcopy delattr delitem divmod enter eq exit float floor floordiv "
    "format ge getitem gt hash iadd iand ifloordiv ilshift imatmul imod imul index int invert ior "
    "ipow irshift isub iter itruediv ixor le len length_hint lshift lt matmul mod mul ne neg next "
    "or pos pow radd rand rdivmod reduce_ex reversed rfloordiv rlshift rmatmul rmod rmul ror round "
    "rpow rrshift rshift rsub rtruediv rxor setitem str sub truediv trunc xor"
).split()


class Placeholder:
    """Stands for `name`, whose newest value is at `machine`; `lost` if it went with it.

    `repr` describes the value. Every other use raises `ElsewhereError` (or
    `LostError`) naming the remedy: a cell whose text mentions the name fetches
    it before it runs, so only hidden uses get here.
    """

    __slots__ = ("__weakref__", "_description", "_lost", "_machine", "_name")

    def __init__(self, name: str, description: Description, machine: str, lost: str = "") -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_description", description)
        object.__setattr__(self, "_machine", machine)
        object.__setattr__(self, "_lost", lost)

    def __repr__(self) -> str:
        name, machine = _get(self, "_name"), _get(self, "_machine")
        what = ", ".join(p for p in describe_parts(_get(self, "_description")) if p)
        if _get(self, "_lost"):
            return f"<{name}: {what}, lost: {_get(self, '_lost')}>"
        return f"<{name}: {what}; newest on {machine}; a cell that mentions it fetches it>"

    def __getattr__(self, attribute: str) -> Any:
        # IPython, explorers and completers probe for private hooks: for these the
        # placeholder is an ordinary object without them
        if attribute[:1] == "_":
            raise AttributeError(attribute)
        _refuse(self, f"attribute {attribute!r} of it was used")

    def __setattr__(self, attribute: str, value: Any) -> None:
        _refuse(self, f"its attribute {attribute!r} was set")


def _refuse(placeholder: Placeholder, use: str) -> NoReturn:
    name, machine = _get(placeholder, "_name"), _get(placeholder, "_machine")
    lost = _get(placeholder, "_lost")
    if lost:
        raise LostError(
            f"The value of {name} is lost: {lost}.",
            where=name,
            hint=f"Run the cell that made {name} again, or take the older value kept here.",
        )
    raise ElsewhereError(
        f"The newest value of {name} is on {machine}, and {use} in a way that the text of the "
        f"cell does not show.",
        where=name,
        hint=f"Mention {name} in the cell (a line `{name}` is enough): it is brought before "
        f"the cell runs. Or run the cell with %%remote_gpu.",
    )


def _get(placeholder: Placeholder, slot: str) -> Any:
    return object.__getattribute__(placeholder, slot)


def _refusing(operation: str) -> Any:
    def refuse(self: Placeholder, *_arguments: Any, **_keywords: Any) -> NoReturn:
        _refuse(self, f"it was used ({operation})")

    refuse.__name__ = f"__{operation}__"
    return refuse


for _operation in _FORWARDED:
    setattr(Placeholder, f"__{_operation}__", _refusing(_operation))


def name_of(placeholder: Placeholder) -> str:
    """Return the name a placeholder stands for."""
    return str(_get(placeholder, "_name"))


def description_of(placeholder: Placeholder) -> Description:
    """Return what is known of the value a placeholder stands for."""
    description: Description = _get(placeholder, "_description")
    return description


def is_lost(placeholder: Placeholder) -> bool:
    """Say whether the value went with its machine."""
    return bool(_get(placeholder, "_lost"))


def describe_parts(description: Description) -> list[str]:
    """Return type, summary and size as texts for people; "class K" and "function f" as one."""
    if description.type in ("class", "function", "module"):
        return [f"{description.type} {description.text}"]
    size = human_bytes(description.bytes) if description.bytes else ""
    return [description.type, description.text, size]


def human_bytes(count: int) -> str:
    """Return 105_000_000 as '105 MB'."""
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
