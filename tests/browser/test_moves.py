"""What a user sees of values on the move, in a real browser: the bar, the line, a refusal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser.notebook import Notebook

pytestmark = pytest.mark.browser

PICTURES = "JUPYTER_REMOTE_GPU_PICTURES"
SLOW_LINE = """
import time
from jupyter_remote_gpu.protocol.line import Line
quick = Line._fill
def slow(line, target):
    time.sleep(len(target) / 30e6)
    quick(line, target)
Line._fill = slow
"""


def keep_picture(notebook: Notebook, name: str) -> None:
    """Write a picture of the page into the folder the developer asked for, if he did."""
    if PICTURES in os.environ:
        notebook.page.screenshot(path=str(Path(os.environ[PICTURES]) / f"{name}.png"))


def test_a_long_fetch_has_a_bar_that_becomes_its_line(notebook: Notebook) -> None:
    setup, make, look, use = notebook.add(
        SLOW_LINE,
        """
        %%remote_gpu
        import numpy as np
        features = np.random.default_rng(0).random((10_000, 1_000))
        total = features.sum()
        """,
        "%remote_gpu names",
        "features.shape",
    )
    setup.run()
    make.run()
    make.shows("embedded ▸ now there: features, total · ran ")
    look.run()
    look.shows("ndarray, float64 [10000, 1000]")
    use.start()
    use.find("progress").wait_for()
    use.shows("embedded ◂ fetching features: ")
    keep_picture(notebook, "bar")
    use.finish()
    use.shows("embedded ◂ fetched 80.0 MB in ")
    assert use.find("progress").count() == 0
    assert use.texts()[1:] == ["(10000, 1000)"]
    keep_picture(notebook, "line")


def test_a_refusal_speaks_in_numbers_and_a_part_comes(notebook: Notebook) -> None:
    limit, make, use, part, waiting = notebook.add(
        "get_ipython().config.RemoteGPU.guard_seconds = 1.0\n%reload_ext jupyter_remote_gpu",
        """
        %%remote_gpu
        import numpy as np
        features = np.random.default_rng(0).random((20_000, 1_000))
        """,
        "features.shape",
        "part = %remote_gpu eval features[:1000]\npart.shape",
        "[value for name, value in globals().items() if name.startswith('feat')]",
    )
    limit.run()
    make.run()
    use.run()
    use.shows("This cell was not run. It reads features (float64 [20000, 1000], 160 MB, on emb")
    use.shows("part = %remote_gpu eval features[:1000]")
    use.shows("%remote_gpu pull features")
    part.run()
    part.shows("(1000, 1000)")
    waiting.run()
    waiting.shows("<features: ndarray, float64 [20000, 1000], 160 MB; newest on embedded;")
    keep_picture(notebook, "refusal")


def test_a_stopped_fetch_leaves_everything_as_it_was(notebook: Notebook) -> None:
    limit, make, use, again = notebook.add(
        "get_ipython().config.RemoteGPU.guard_seconds = 60.0\n%reload_ext jupyter_remote_gpu",
        """
        %%remote_gpu
        import numpy as np
        values = np.random.default_rng(0).random(10_000_000)
        """,
        "values.shape",
        "%remote_gpu names values",
    )
    limit.run()
    make.run()
    use.start()
    use.find("progress").wait_for()
    notebook.interrupt()
    use.shows("embedded ▸ stopped; no name has changed")
    use.shows("this cell was not run")
    keep_picture(notebook, "stopped")
    again.run()
    again.shows("embedded")


def test_both_sides_are_labelled(notebook: Notebook) -> None:
    both, told = notebook.add(
        "%%both\nimport textwrap\ntextwrap.own = 1\nprint('on each side')",
        "import html\nhtml.own = 1",
    )
    both.run()
    assert both.texts() == [
        "%%both ▸ on embedded:",
        "on each side",
        "%%both ▸ here:",
        "on each side",
    ]
    told.run()
    told.shows("has changed something here only; a %%both cell does so on both sides")
    keep_picture(notebook, "both")
