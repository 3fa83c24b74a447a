"""What a failed remote cell shows after its error: the figures it left open."""

from __future__ import annotations

from tests.notebook import Notebook

PLOT = "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\n"


def test_open_figures_come_behind_the_error(notebook: Notebook) -> None:
    here = notebook.run(PLOT + "1/0")
    there = notebook.remote(PLOT + "1/0")
    assert there.kinds() == here.kinds() == ["error", "display_data"]
    again = notebook.remote("plt.plot([1])\nplt.show()\nprint('shown')\n1/0")
    assert again.kinds() == ["display_data", "stream", "error"]
    assert notebook.remote("print('fine')").kinds() == ["stream"]
