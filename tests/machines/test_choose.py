"""Which machine a request gets, and how a wish that has none is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import NotAvailableError, RequestError, UnknownMachineError
from jupyter_remote_gpu.machines import EMBEDDED_NAME, Machine, choose, embedded, parse


@pytest.fixture
def known(tmp_path: Path) -> dict[str, Machine]:
    """The machines of this version: the embedded one."""
    return {EMBEDDED_NAME: embedded(tmp_path)}


@pytest.mark.parametrize(
    "line", ["", "--local", "--cpu", "--machine embedded", "--yes --timeout 5m", "--attach"]
)
def test_the_embedded_machine_serves(line: str, known: dict[str, Machine], tmp_path: Path) -> None:
    machine = choose(parse(line.split()), known)
    assert machine == Machine("embedded", "embedded", trusted=True, workspace=tmp_path)


@pytest.mark.parametrize(
    ("line", "understood"),
    [
        ("--4x3090", "4 × RTX 3090 (24 GB each)"),
        ("--h100-80gb", "1 × H100 (80 GB)"),
        ("--vram 40", "at least 40 GB"),
        ("--max-price 1.5", "at most $1.5 an hour"),
        ("--spot", "on spot terms"),
        ("--name box", "to be called box"),
        ("--detach", "running on without the notebook"),
    ],
)
def test_what_this_version_cannot_do_is_understood_and_refused(
    line: str, understood: str, known: dict[str, Machine]
) -> None:
    with pytest.raises(NotAvailableError) as caught:
        choose(parse(line.split()), known)
    assert understood in caught.value.message
    assert "Nothing was run" in caught.value.message
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("", "box"),
        ("--machine embedded", "embedded"),
        ("--local", "embedded"),
        ("--cpu", "embedded"),
    ],
)
def test_a_notebook_has_a_machine_of_its_own(
    line: str, name: str, known: dict[str, Machine]
) -> None:
    known["box"] = Machine("box", "ssh", trusted=False, host="me@box")
    assert choose(parse(line.split()), known, "box").name == name


@pytest.mark.parametrize("line", ["--trusted", "--offline", "-oPort=2", "--option Port=2"])
def test_what_is_said_when_adding_says_nothing_to_a_cell(line: str) -> None:
    with pytest.raises(RequestError, match="says nothing to a cell"):
        parse(line.split())


def test_an_unknown_machine_brings_the_known_ones(known: dict[str, Machine]) -> None:
    with pytest.raises(UnknownMachineError) as caught:
        choose(parse(["--machine", "gpu-box"]), known)
    assert "Known: embedded" in caught.value.message
    assert caught.value.hint is not None
    assert "%remote_gpu add gpu-box HOST" in caught.value.hint


def test_a_machine_misspelt_brings_the_nearest(known: dict[str, Machine]) -> None:
    with pytest.raises(UnknownMachineError) as caught:
        choose(parse(["--machine", "embeded"]), known)
    assert caught.value.hint == "Did you mean embedded?"
