"""What the user sees of moves, and the verbs that look at names and parts of values."""

from __future__ import annotations

import pytest

from tests.notebook import Notebook

pytest.importorskip("numpy")


@pytest.fixture(scope="module")
def filled(notebook: Notebook) -> Notebook:
    """A notebook with a large array there, of which nothing has come here."""
    notebook.remote("import numpy as np\nfeatures = np.arange(4_000_000.0).reshape(-1, 4)")
    return notebook


def test_the_line_counts_what_really_went(notebook: Notebook) -> None:
    notebook.run("import numpy as np\nX = np.arange(1_000_000.0)\ncfg = {'a': 1}\ntwin = X[:10]")
    line = notebook.remote("total = X.sum() + cfg['a'] + twin.sum()").line()
    assert "embedded ▸ sent 8.0 MB: " in line or "embedded ▸ sent 8.1 MB: " in line
    assert "X+twin" in line
    assert "cfg" in line
    assert "now there: total · perhaps changed: X+twin" in line
    notebook.run("X[0] = 7")
    line = notebook.remote("total = X.sum()").line()
    assert "sent 262 KB: X+twin (1 of 31 chunks)" in line


def test_a_fetch_is_told_with_what_was_patched(filled: Notebook) -> None:
    filled.run("big = np.arange(2_000_000.0)")
    filled.remote("big[5] = 1")
    shown = filled.run("%remote_gpu pull big")
    assert "fetched 262 KB: big" in shown.text()
    filled.remote("big += 2")
    line = filled.run("big[0]").line()
    assert "embedded ◂ fetched 16.0 MB in " in line
    assert "big (patched in place)" in line


def test_threads_left_behind_are_told(notebook: Notebook) -> None:
    code = "import threading\ngo = threading.Event()\nthreading.Thread(target=go.wait).start()"
    assert "background activity on embedded: values may still change" in (
        notebook.remote(code).line()
    )
    assert "background" not in notebook.remote("go.set()").line()


def test_a_part_comes_alone(filled: Notebook) -> None:
    shown = filled.run("part = %remote_gpu eval features[:1000]\nprint(part.shape)")
    assert shown.text() == "(1000, 4)\n"
    shown = filled.run("part = %remote_gpu pull features[-1]\nprint(part)")
    assert shown.text() == "[3999996. 3999997. 3999998. 3999999.]\n"
    assert "embedded" in filled.run("%remote_gpu names features").text()
    assert filled.run("'_evaluated_there' in globals()").displays() == [{"text/plain": "False"}]


def test_a_name_that_a_line_binds_is_new_on_both_sides(notebook: Notebook) -> None:
    notebook.run("value = 1")
    assert notebook.remote("print(value)").text() == "1\n"
    notebook.run("value = %remote_gpu eval value + 1")
    assert notebook.remote("print(value)").text() == "2\n"


def test_names_tell_who_owns_what(filled: Notebook) -> None:
    filled.run("kept = [1, 2]\nshared = kept")
    filled.remote("numbers = (n for n in range(3))\nview = features[:2]")
    lines = {line.split()[0]: line for line in filled.run("%remote_gpu names").text().splitlines()}
    assert "here" in lines["kept"]
    assert "shared" in lines["kept"]
    assert "embedded" in lines["features"]
    assert "ndarray, float64 [1000000, 4]" in lines["features"]
    assert "32.0 MB" in lines["features"]
    assert "view" in lines["features"]
    assert "cannot be copied" in lines["numbers"]
    text = filled.run("%remote_gpu names numbers features").text()
    assert "cannot be copied  " in text
    assert "moves with        view" in text
    assert filled.run("%remote_gpu names nothing_of_that_name").ename() == "RequestError"
