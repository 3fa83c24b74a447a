"""A `%%both` cell runs there and here, and leaves one namespace behind."""

from __future__ import annotations

import pytest

from tests.notebook import Notebook


def test_both_sides_are_heard_and_labelled(notebook: Notebook) -> None:
    shown = notebook.run("%%both\nimport os\nprint('said')\nwhere = os.getpid()")
    assert shown.text() == "said\nsaid\n"
    assert shown.line() == "%%both ▸ on embedded:\n%%both ▸ here:"
    kinds = [m["msg_type"] for m in shown.messages]
    assert kinds == ["display_data", "stream", "display_data", "stream"]
    pid = notebook.run("import os\nprint(where == os.getpid())").text()
    assert pid == "True\n"
    assert notebook.remote("import os\nprint(where == os.getpid())").text() == "False\n"


def test_a_quiet_cell_says_nothing(notebook: Notebook) -> None:
    shown = notebook.run("%%both\nquiet = 1")
    assert shown.messages == []


REGISTER = """
%%both
class Celsius:
    def __init__(self, degrees):
        self.degrees = degrees

@describe.register
def _(value: int):
    return "int"

@describe.register
def _(value: Celsius):
    return f"{value.degrees} °C"
"""


def test_single_dispatch_registrations_hold_on_both_sides(notebook: Notebook) -> None:
    notebook.run(
        "from functools import singledispatch\n"
        "@singledispatch\ndef describe(value):\n    return 'something'"
    )
    notebook.remote("print(describe(1))")
    assert notebook.run(REGISTER.strip()).error() == ""
    code = "print(describe(1), describe('x'), describe(Celsius(7)))"
    assert notebook.run(code).text() == "int something 7 °C\n"
    assert notebook.remote(code).text() == "int something 7 °C\n"
    notebook.run("made_here = Celsius(8)")
    notebook.remote("made_there = Celsius(9); print(describe(made_here))")
    assert notebook.run("print(describe(made_there))").text() == "9 °C\n"


def test_a_changed_library_is_changed_on_both_sides(notebook: Notebook) -> None:
    notebook.run("%%both\nimport textwrap\ntextwrap.fill = lambda text, width: f'own {width}'")
    code = "print(textwrap.fill('x', 7))"
    assert notebook.run(code).text() == "own 7\n"
    assert notebook.remote(code).text() == "own 7\n"


def test_values_of_here_count(notebook: Notebook) -> None:
    notebook.run("import random\ncount = [0]\nlevel = 1\nrandom.seed(1)")
    notebook.remote("count[0] += 1\nonly_there = [1]")
    shown = notebook.run("%%both\ncount.append(1)\nlevel += 1\nnew = random.random()\nprint(level)")
    assert shown.text() == "2\n2\n"
    code = "print(count, level, only_there, new, random.random())"
    here = notebook.run("state = random.getstate()\n" + code).text()
    assert here.startswith("[1, 1] 2 [1] ")
    notebook.run("random.setstate(state)")
    assert notebook.remote(code).text() == here


def test_an_error_there_keeps_it_from_running_here(notebook: Notebook) -> None:
    notebook.run("import os\nhome_process = os.getpid()\nran = []")
    shown = notebook.run(
        "%%both\nran.append(1)\nimport os\nif os.getpid() != home_process:\n    1 / 0"
    )
    assert shown.ename() == "ZeroDivisionError"
    assert "----> 5     1 / 0" in shown.error()
    assert "failed on embedded, not run here" in shown.line()
    assert notebook.run("print(ran)").text() == "[]\n"
    assert notebook.remote("print(ran)").text() == "[]\n"


def test_an_error_here_is_that_of_a_local_cell(notebook: Notebook) -> None:
    notebook.run("import os\nhome_process = os.getpid()")
    shown = notebook.run(
        "%%both\nimport os\nhalf = 1\nif os.getpid() == home_process:\n    raise KeyError('here')"
    )
    assert shown.ename() == "KeyError"
    assert "----> 5     raise KeyError('here')" in shown.error()
    assert notebook.remote("print(half)").text() == "1\n"


def test_results_magics_and_what_only_one_side_binds(notebook: Notebook) -> None:
    notebook.run("import os\nhome_process = os.getpid()")
    shown = notebook.run(
        "%%both\nimport os\n%env COLOUR=red\n"
        "if os.getpid() != home_process:\n    there_only = 5\n40 + 2"
    )
    results = [d["text/plain"] for d in shown.displays()]
    assert results.count("42") == 2
    (number,) = {m["content"].get("execution_count") for m in shown.messages} - {None}
    assert notebook.run(f"print(_{number}, Out[{number}])").text() == "42 42\n"
    assert notebook.run("print(there_only, os.environ['COLOUR'])").text() == "5 red\n"
    assert notebook.remote("print(there_only, os.environ['COLOUR'])").text() == "5 red\n"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("%%both\n   ", "empty"),
        ("%%both\n%%time\npass", "Put it above"),
        ("%both", "no command of a line"),
        ("%%both --a10O\npass", "a100"),
    ],
)
def test_what_is_no_cell_for_both_is_told(notebook: Notebook, code: str, word: str) -> None:
    assert word in notebook.run(code).error()


def test_time_may_stand_above(notebook: Notebook) -> None:
    shown = notebook.run("%%time\n%%both\nprint('twice')")
    assert shown.text().count("twice") == 2
    assert "Wall time" in shown.text()


def test_what_changed_one_side_only_is_told_once(notebook: Notebook) -> None:
    code = "import html\nhtml.own = 1"
    told = "`html.own = 1` has changed something {} only; a %%both cell does so on both sides"
    assert told.format("here") in notebook.run(code).line()
    assert "%%both" not in notebook.run(code).line()
    assert told.format("on embedded") in notebook.remote(code).line()
    assert "%%both" not in notebook.remote(code).line()
    assert "changed something" not in notebook.run("%%both\nhtml.other = 1").line()
    assert "changed something" not in notebook.run("import os\nos.environ['OWN'] = '1'").line()
