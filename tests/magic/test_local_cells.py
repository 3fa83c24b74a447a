"""Local cells and what is not a cell at home: threads, `%reset`, a hook that breaks."""

from __future__ import annotations

import importlib.util

import pytest

from tests.conftest import Notebooks
from tests.notebook import Notebook


def test_a_thread_meets_the_placeholder_and_never_an_old_value(notebook: Notebook) -> None:
    """Callbacks and threads at home are no cells: nothing is fetched for them."""
    notebook.run("seen = []\nage = [1]\nimport threading, time")
    notebook.remote("age.append(2)")
    looks = (
        "def look(names=globals()):\n"
        "    try:\n        seen.append(list(names['ag' + 'e']))\n"
        "    except Exception as error:\n        seen.append(type(error).__name__)\n"
        "t = threading.Thread(target=look)\nt.start(); t.join()\nseen"
    )
    assert notebook.run(looks).displays() == [{"text/plain": "['ElsewhereError']"}]
    assert notebook.run("age").displays() == [{"text/plain": "[1, 2]"}]


def test_reset_at_home_is_a_reset_of_the_notebook(notebook: Notebook) -> None:
    notebook.run("kept = [1]")
    notebook.remote("made = [2]; kept.append(3)")
    notebook.run("%reset -f")
    assert notebook.remote("print('kept' in globals(), 'made' in globals())").text() == (
        "False False\n"
    )
    notebook.run("kept = 'new'")
    assert notebook.remote("print(kept)").text() == "new\n"


def test_a_hook_that_breaks_refuses_the_cell_and_stays(notebooks: Notebooks) -> None:
    """IPython drops a transformer that raises, and the two sides would part without a word."""
    own = notebooks.open("broken")
    broken = (
        "_ours = [t for t in get_ipython().ast_transformers if 'LocalCellHook' in repr(type(t))]\n"
        "_hub = _ours[0]._hub\n_ours[0]._hub = None\nlen(_ours)"
    )
    assert own.run(broken).displays() == [{"text/plain": "1"}]
    shown = own.run("ran = True")
    assert "This cell was not run" in shown.error()
    assert "report" in shown.error()
    assert "This cell was not run" in own.run("ran = True").error()


@pytest.mark.torch
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch")
def test_workers_of_a_loader_know_the_notebooks_dataset(notebook: Notebook) -> None:
    if notebook.hard:
        pytest.skip("the hard machine has no PyTorch")
    notebook.run(
        "import torch\nclass Squares(torch.utils.data.Dataset):\n"
        "    def __len__(self): return 6\n    def __getitem__(self, i): return i * i"
    )
    shown = notebook.remote(
        "loader = torch.utils.data.DataLoader(Squares(), batch_size=3, num_workers=2)\n"
        "print([batch.tolist() for batch in loader])"
    )
    assert shown.text() == "[[0, 1, 4], [9, 16, 25]]\n", shown.error()
