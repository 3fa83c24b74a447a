"""What a cell or a script names that does not travel: it would look for it there in vain.

Only what its text shows as a path: string literals, and what is joined of them
(`Path("data") / "x.csv"`, `os.path.join`, the beginning of an f-string). Pure.
"""

from __future__ import annotations

import ast
import fnmatch
import os
import posixpath
from collections.abc import Callable, Iterable, Mapping

from .verdict import LeftOut, Why

_LONGEST = 500
_DOTENV = frozenset({"load_dotenv", "dotenv_values", "find_dotenv"})
_PATTERN = frozenset("*?[")
_EXPECTED = frozenset({Why.IGNORED, Why.SECRET, Why.DATASET, Why.LARGE, Why.UNREADABLE})
"""Nobody reads caches, environments or a repository's own files by their path."""
_OPENS = ("open", "path", "dir", "glob", "walk", "load", "read", "folder", "file", "dataset")


def path_texts(source: str) -> list[str]:
    """Return the texts in a piece of Python that may be paths, as they stand there.

    Returns nothing for what is no Python.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    found: dict[str, None] = {}
    calls: dict[int, str] = {}
    parts: set[int] = set()
    for node in ast.walk(tree):  # parents come before what is in them
        if isinstance(node, ast.Call):
            name = _called(node.func)
            if name in _DOTENV and not node.args:
                found[".env"] = None
            for argument in node.args:
                calls[id(argument)] = name
        if id(node) in parts:
            parts.update(map(id, ast.iter_child_nodes(node)))
            continue
        text, complete = _text(node)
        if text is None or len(text) > _LONGEST or "\n" in text:
            continue
        if not isinstance(node, ast.Constant):
            parts.update(map(id, ast.iter_child_nodes(node)))
        named_as_path = any(word in calls.get(id(node), "").lower() for word in _OPENS)
        if "/" in text or (complete and "." in text.strip(".")) or named_as_path:
            found[text] = None
    return list(found)


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _text(node: ast.AST) -> tuple[str | None, bool]:
    """Return the path that an expression begins with, and whether that is all of it."""
    if isinstance(node, ast.Constant):
        return (node.value, True) if isinstance(node.value, str) else (None, True)
    if isinstance(node, ast.JoinedStr):
        first = node.values[0] if node.values else None
        text = str(first.value) if isinstance(first, ast.Constant) else ""
        return (text.rpartition("/")[0] + "/", False) if "/" in text else (None, True)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _joined([node.left, node.right])
    if isinstance(node, ast.Call):
        name = _called(node.func)
        if name == "join" and "path" in ast.unparse(node.func):
            return _joined(node.args)
        if name.endswith("Path") and node.args:
            return _joined(node.args)
    return None, True


def _joined(parts: Iterable[ast.expr]) -> tuple[str | None, bool]:
    texts = []
    for part in parts:
        text, complete = _text(part)
        if text is None or not complete:
            texts += [] if text is None else [text]
            return ("/".join(texts), False) if texts else (None, False)
        texts.append(text)
    return "/".join(texts), True


def left_behind(
    texts: Iterable[str],
    folder: str,
    left_out: Mapping[bytes, LeftOut],
    is_there: Callable[[bytes], bool] = lambda path: False,
) -> list[LeftOut]:
    """Return what does not travel of the paths that a program mentions.

    `texts` are from `path_texts`; they are relative to `folder`, which is the
    working folder's path in the project. What the machine has all the same
    (`is_there`) is not named: it was made there.
    """
    found: dict[bytes, LeftOut] = {}
    for text in texts:
        path = posixpath.normpath(posixpath.join(folder, os.path.expanduser(text)))
        if path.startswith(("/", "..")) or path == ".":
            continue
        raw = os.fsencode(path)
        for one in _hits(raw, left_out):
            if one.why in _EXPECTED and not is_there(raw) and not is_there(one.path):
                found[one.path] = one
    return list(found.values())


def _hits(path: bytes, left_out: Mapping[bytes, LeftOut]) -> Iterable[LeftOut]:
    """Yield what stays of a path: itself, a folder above, or what lies in it."""
    above = path
    while above:
        if above in left_out:
            return [left_out[above]]
        above = above.rpartition(b"/")[0]
    if not _PATTERN.isdisjoint(os.fsdecode(path)):
        return [one for at, one in left_out.items() if fnmatch.fnmatchcase(at, path)]
    return [one for at, one in left_out.items() if at.startswith(path + b"/")]
