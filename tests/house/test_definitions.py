"""Every function is short, and everything public states its contract."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.sources import Definition, Source, function_lines

HARD_FUNCTION_LINES = 60


def test_no_function_is_too_long(package: list[Source]) -> None:
    lengths = {
        f"{source.name}: {name}": function_lines(node)
        for source in package
        for name, node in source.definitions()
        if not isinstance(node, ast.ClassDef)
    }
    assert {name: n for name, n in lengths.items() if n > HARD_FUNCTION_LINES} == {}


def _public(source: Source) -> Iterator[tuple[str, Definition]]:
    """Yield what others may use: public names, in public classes, not inside functions."""
    inside_functions = {
        id(inner)
        for _, outer in source.definitions()
        if not isinstance(outer, ast.ClassDef)
        for inner in ast.walk(outer)
        if inner is not outer
    }
    for name, node in source.definitions():
        if id(node) in inside_functions or any(part.startswith("_") for part in name.split(".")):
            continue
        # Visitors are called by name from their base class, whose contract they keep.
        if not node.name.startswith(("visit_", "generic_visit")):
            yield name, node


def _overloaded(node: Definition) -> bool:
    return any("overload" in ast.unparse(mark) for mark in node.decorator_list)


def test_everything_public_has_a_docstring(package: list[Source]) -> None:
    missing = [
        f"{source.name}: {name}"
        for source in package
        for name, node in _public(source)
        if len(ast.get_docstring(node) or "") < 5 and not _overloaded(node)
    ]
    assert missing == []


def test_secrets_are_on_no_command_line(package: list[Source]) -> None:
    """Arguments and environment of a process can be read by others; secrets go over stdin."""
    starters = {
        "Popen",
        "create_subprocess_exec",
        "create_subprocess_shell",
        "check_call",
        "execve",
    }
    secret = ("token", "secret", "password", "api_key")
    hits = [
        f"{source.name}:{call.lineno}"
        for source in package
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).rpartition(".")[2] in starters
        and any(word in ast.unparse(call).lower() for word in secret)
    ]
    assert hits == []
