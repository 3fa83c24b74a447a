"""Exceptions kept in names: they arrive as they were, whatever their `__init__` takes."""

from __future__ import annotations

import pytest

from tests.state.hosts import OtherProcess
from tests.state.notebook import Coherent

OVERDRAWN = """
class Overdrawn(Exception):
    def __init__(self, account, amount):
        super().__init__(f'{amount} is too much')
        self.account = account
account = [1]
"""
KEEP = """
try:
    try:
        {}['missing']
    except KeyError as inner:
        raise Overdrawn(account, 5) from inner
except Overdrawn as error:
    error.note = 'kept'
    caught = error
"""
LOOK = "print(repr(caught), caught.account is account, caught.note, repr(caught.__cause__))"
SHOWN = "Overdrawn('5 is too much') True kept KeyError('missing')\n"


@pytest.mark.parametrize("made_there", [False, True])
def test_an_init_with_other_arguments_is_not_called(made_there: bool) -> None:
    host = OtherProcess()
    try:
        notebook = Coherent(host)
        notebook.here(OVERDRAWN)
        assert notebook.cell(KEEP, remote=made_there) == ("", "")
        assert notebook.cell(LOOK, remote=not made_there) == (SHOWN, "")
        assert notebook.cell("caught.account.append(2)", remote=not made_there) == ("", "")
        assert notebook.cell("print(account)", remote=made_there) == ("[1, 2]\n", "")
    finally:
        host.close()


def test_builtin_exceptions_keep_their_fields() -> None:
    host = OtherProcess()
    try:
        notebook = Coherent(host)
        notebook.here(
            "import json\n"
            "found = [FileNotFoundError(2, 'gone', 'x.txt'), StopIteration(7), KeyError('k')]\n"
            "try: json.loads('{')\n"
            "except ValueError as e: found.append(e)\n"
        )
        look = "print(found, found[0].filename, found[1].value, found[3].pos)"
        assert notebook.there(look) == notebook.here(look)
    finally:
        host.close()
