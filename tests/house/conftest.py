"""The project's files as fixtures, and a last word on what is longer than wished."""

from __future__ import annotations

import ast

import pytest

from tests.house.sources import Source, function_lines, sources_below

WISHED_FUNCTION_LINES = 35
WISHED_FILE_LINES = 300


@pytest.fixture(scope="session")
def package() -> list[Source]:
    """Every file of the package."""
    found = sources_below("jupyter_remote_gpu")
    assert len(found) > 10
    return found


@pytest.fixture(scope="session")
def everything() -> list[Source]:
    """Every Python file of the project."""
    return sources_below("jupyter_remote_gpu", "tests", "examples", "benchmarks", "scripts")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which files and functions are longer than is wished; that fails nothing."""
    package = sources_below("jupyter_remote_gpu")
    files = [
        f"{source.name} ({count} lines)"
        for source in package
        if (count := source.text.count("\n")) > WISHED_FILE_LINES
    ]
    functions = [
        f"{source.name}: {name} ({count} lines)"
        for source in package
        for name, node in source.definitions()
        if not isinstance(node, ast.ClassDef)
        and (count := function_lines(node)) > WISHED_FUNCTION_LINES
    ]
    if files or functions:
        terminalreporter.section("longer than wished (no failure)")
        for line in files + functions:
            terminalreporter.line(line)
