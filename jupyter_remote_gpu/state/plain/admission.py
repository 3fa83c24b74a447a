"""Which names a machine that is not trusted may speak of, and which modules it may bring.

What a cell did there is told in a report and in answers. Both are taken at their
word only for names the machine had, or that the text of the notebook mentions.
"""

from __future__ import annotations

import builtins
import importlib
import keyword
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from jupyter_remote_gpu.errors import CannotTravelError, ProtocolError
from jupyter_remote_gpu.protocol.plain_text import plain
from jupyter_remote_gpu.protocol.state import Answers, Import, Parcel, Report, Same, Stays
from jupyter_remote_gpu.state.cells import Cells
from jupyter_remote_gpu.state.coherence import ELSEWHERE, Place, Places
from jupyter_remote_gpu.state.namespace import is_hidden
from jupyter_remote_gpu.state.typed_imports import typed_imports

from .limits import room_for

_RESULTS = frozenset({"_", "__", "___"})
"""What IPython binds behind every cell that ends in an expression: the cell's text names none."""
_WORD = re.compile(r"[^\W\d]\w*")
_MAX_NAME_CHARS = 200
_MAX_REASON_CHARS = 500
_MAX_NEEDS = 10_000


def admit(
    report: Report, source: str, places: Places, namespace: Mapping[str, Any]
) -> tuple[Report, tuple[str, ...]]:
    """Return what of a report may be taken over, and the names that may not be touched.

    `source` is the text of the cell that ran. A name that the machine never had
    and the cell does not mention keeps its value here.
    """
    words = _words(source)

    def may(name: str) -> bool:
        if not well_named(name):
            return False
        if name in words or name in _RESULTS or places[name] is not Place.HERE:
            return True
        return name not in namespace and not hasattr(builtins, name)

    refused = [n for n in (*report.bound, *report.deleted, *report.touched) if not may(n)]
    bound = {n: d for n, d in report.bound.items() if may(n)}
    touched = {n: d for n, d in report.touched.items() if may(n)}
    told = bound.keys() | touched.keys()
    groups = (tuple(n for n in group if n in told) for group in report.together)
    admitted = replace(
        report,
        bound=bound,
        deleted=tuple(n for n in report.deleted if may(n)),
        touched=touched,
        deps={
            n: tuple(d for d in needs[:_MAX_NEEDS] if well_named(d))
            for n, needs in report.deps.items()
            if n in told
        },
        stays={n: plain(r, _MAX_REASON_CHARS) for n, r in report.stays.items() if n in told},
        together=tuple(group for group in groups if len(group) > 1),
    )
    return admitted, tuple(dict.fromkeys(n for n in refused if well_named(n)))


def well_named(name: str) -> bool:
    """Say whether this can be a name of the user's: no dunder, nothing of IPython's own."""
    return (
        len(name) <= _MAX_NAME_CHARS
        and name.isidentifier()
        and not keyword.iskeyword(name)
        and not is_hidden(name)
        and name not in ("open", "display")
    )


def refusal(names: Iterable[str], machine: str) -> str:
    """Say that names kept their values although a machine spoke of them."""
    shown = ", ".join(plain(n, 60) for n in list(names)[:10])
    return (
        f"{machine} reported that the cell changed {shown}, which its text does not mention and "
        f"that machine never had. They keep their values here, because {machine} is not trusted; "
        f"bind the values you want under other names."
    )


@lru_cache(maxsize=64)
def _words(source: str) -> frozenset[str]:
    return frozenset(_WORD.findall(source))


def check_answers(answers: Answers, places: Places) -> None:
    """Raise `ProtocolError` for answers that no honest machine gives; `CannotTravelError` if huge.

    Every name once, and only names whose newest value may be there; every
    token and every patched version once; all of it small enough to be held.
    """
    names: list[str] = []
    tokens: list[str] = []
    bases: list[str] = []
    size = 0
    for item in answers.items:
        names += [item.name] if isinstance(item, Import) else item.names
        if isinstance(item, Parcel):
            tokens.append(item.token)
            bases += [item.base] if item.kind == "patch" else []
            size += sum(m.length for m in item.manifests)
            hidden = [d.name for d in item.definitions if not well_named(d.name)]
            _must(not hidden, "a definition has a name of the user's")
        elif isinstance(item, Same):
            tokens.append(item.token)
        elif isinstance(item, Stays):
            _must(item.culprit in item.names, "what stays is one of its component")
    _must(len(set(names)) == len(names), "each name comes once")
    _must(len(set(tokens)) == len(tokens), "each version has a token of its own")
    _must(len(set(bases)) == len(bases), "each version is patched once")
    _must(all(well_named(name) for name in names), "only names of the user's are moved")
    for item in answers.items:
        if isinstance(item, (Parcel, Same)):
            there = [places[n] in ELSEWHERE or places[n] is Place.BOTH for n in item.names]
            _must(all(there), "only names that the machine has are moved")
    room_for(size, "What the machine announced")


def _must(condition: bool, rule: str) -> None:
    if not condition:
        raise ProtocolError(
            f"an answer from a machine that is not trusted breaks the rule: {rule}",
            hint="Nothing was changed. If you know the machine, mark it as trusted.",
        )


def typed_module(name: str, cells: Cells, machine: str) -> Any:
    """Import the module that a cell of this notebook imports as `name`: no machine says which.

    Raises `CannotTravelError` if no text does, or if it is not installed here.
    """
    typed = typed_imports(name, cells)
    if not typed:
        raise _untyped(name, "a module", machine)
    module, attribute = typed[0]
    try:
        return _imported(module, attribute)
    except ImportError as error:
        raise _not_here(name, f"the module {module}", module, machine, error) from error


def typed_attribute(item: Import, cells: Cells, machine: str) -> Any:
    """Carry out the import that the user typed for a name, of a class or a function.

    The machine only says which one it was. Raises `CannotTravelError` if no
    cell has that import under that name, or if it cannot be had here.
    """
    what = f"{item.attribute} of {item.module}"
    if (item.module, item.attribute) not in typed_imports(item.name, cells):
        raise _untyped(item.name, what, machine)
    try:
        return getattr(importlib.import_module(item.module), item.attribute)
    except (ImportError, AttributeError) as error:
        raise _not_here(item.name, what, item.module, machine, error) from error


def _untyped(name: str, what: str, machine: str) -> CannotTravelError:
    return CannotTravelError(
        f"This cell was not run. {machine} says that {name} is {what}, but no cell of this "
        f"notebook imports it under that name, and {machine} is not trusted to choose one.",
        where=name,
        hint=f"Import it in a cell here: `import … as {name}`.",
    )


def _not_here(
    name: str, what: str, module: str, machine: str, error: Exception
) -> CannotTravelError:
    return CannotTravelError(
        f"This cell was not run. {name} is {what}, imported on {machine}; "
        f"it cannot be imported here: {error}",
        where=name,
        hint=f"Install it here (%pip install {module.split('.')[0]}), or run the cell "
        f"with %%remote_gpu.",
    )


def _imported(module: str, attribute: str) -> Any:
    """Carry out an import as it was typed."""
    found = importlib.import_module(module)
    if not attribute:
        return found
    inner = vars(found).get(attribute)
    if isinstance(inner, type(sys)):
        return inner
    return importlib.import_module(f"{module}.{attribute}")
