"""What stands behind `%remote_gpu pull`: names, an expression of them, or paths. Pure."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable

from jupyter_remote_gpu.state.analysis import footprint

_BRACKETS = frozenset("()[]{}")


def is_expression(text: str, is_known: Callable[[str], bool]) -> bool:
    """Whether a text is an expression of the notebook's names, rather than paths.

    With a slash and no bracket it is a path (nobody pulls a quotient); a text that
    mentions only known names is an expression; anything with brackets is meant as
    one, also if it cannot be read.
    """
    if not _BRACKETS.isdisjoint(text) and not text.startswith(("./", "../", "/", "'", '"')):
        return True
    if "/" in text:
        return False
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError:
        return False
    module = ast.Module(body=[ast.Expr(tree.body)], type_ignores=[])
    names = footprint(module).reads - set(dir(builtins))
    return bool(names) and all(map(is_known, names))
