"""Functions of the notebook that evaluate text: the names in a cell's strings are read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.state.hosts import OtherProcess
from tests.state.notebook import Coherent

SHOW = """
class show:
    def __init__(self, *texts):
        self.texts = texts
    def __repr__(self):
        return '|'.join(f'{text}={eval(text)!r}' for text in self.texts)
def grow(name):
    globals()[name].append(0)
"""


@pytest.fixture(scope="module")
def host() -> Iterator[OtherProcess]:
    opened = OtherProcess()
    yield opened
    opened.close()


@pytest.mark.parametrize("there", [False, True])
def test_names_in_strings_come_along(host: OtherProcess, there: bool) -> None:
    host.restart()
    notebook = Coherent(host)
    notebook.cell(SHOW, remote=there)
    notebook.cell("one = [1]\ntwo = [2]", remote=there)
    shown = notebook.cell("print(show('one', 'one + two'))", remote=not there)
    assert shown == ("one=[1]|one + two=[1, 2]\n", "")
    assert notebook.cell("grow('two')", remote=not there) == ("", "")
    assert notebook.cell("print(two)", remote=there) == ("[2, 0]\n", "")


def test_other_cells_do_not_bring_what_their_strings_name(host: OtherProcess) -> None:
    host.restart()
    notebook = Coherent(host)
    notebook.there("import array\nbig = array.array('d', bytes(8_000_000))")
    host.bytes = 0
    assert notebook.here("print('big')") == ("big\n", "")
    assert host.bytes == 0
