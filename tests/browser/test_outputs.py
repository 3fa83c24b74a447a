"""What remote cells show in JupyterLab, looked at in a real browser."""

from __future__ import annotations

import re

import pytest

from tests.browser.notebook import Notebook

pytestmark = pytest.mark.browser


def test_text_comes_in_order_and_results_have_a_number(notebook: Notebook) -> None:
    first, second = notebook.add(
        """
        %%remote_gpu
        import sys
        print("one")
        print("two", file=sys.stderr)
        print("three")
        6 * 7
        """,
        "_ + 1",
    )
    first.run()
    first.shows("42")
    assert first.texts()[:3] == ["one", "two", "three"]
    assert first.find(".jp-OutputPrompt").all_inner_texts()[3] == first.prompt.inner_text()
    second.run()
    assert second.texts() == ["43"]


def test_a_text_progress_bar_stays_one_line(notebook: Notebook) -> None:
    (cell,) = notebook.add(
        """
        %%remote_gpu
        from tqdm import tqdm
        for step in tqdm(range(2000), mininterval=0):
            pass
        """,
    )
    cell.run()
    cell.shows("2000/2000")
    bars = cell.find("[data-mime-type='application/vnd.jupyter.stderr']")
    assert bars.count() == 1
    lines = bars.inner_text().strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("100%")


def test_plots_and_rich_displays_are_shown(notebook: Notebook) -> None:
    plot, rich, cleared = notebook.add(
        """
        %%remote_gpu
        %matplotlib inline
        import matplotlib.pyplot as plt
        plt.plot([1, 4, 9])
        plt.show()
        """,
        """
        %%remote_gpu
        from IPython.display import HTML, display, update_display
        handle = display(HTML("<b id='shown'>before</b>"), display_id="bold")
        handle.update(HTML("<b id='shown'>after</b>"))
        """,
        """
        %%remote_gpu
        from IPython.display import clear_output
        print("old")
        clear_output(wait=True)
        print("new")
        """,
    )
    plot.run()
    plot.find("img[src^='data:image/png']").wait_for()
    assert plot.find("img").evaluate("image => image.naturalWidth") > 200
    rich.run()
    rich.shows("after")
    assert rich.find("#shown").all_inner_texts() == ["after"]
    cleared.run()
    cleared.shows("new")
    assert cleared.texts()[0] == "new"
    assert "old" not in cleared.output.inner_text()


def test_a_later_cell_updates_an_earlier_display(notebook: Notebook) -> None:
    first, second = notebook.add(
        """
        %%remote_gpu
        from IPython.display import display
        handle = display("waiting", display_id=True)
        """,
        """
        %%remote_gpu
        handle.update("arrived")
        """,
    )
    first.run()
    first.shows("waiting")
    second.run()
    first.shows("arrived")


def test_an_error_shows_the_line_of_the_cell_and_none_of_ours(notebook: Notebook) -> None:
    cell, after = notebook.add(
        """
        %%remote_gpu
        def divide(a, b):
            return a / b
        divide(1, 0)
        """,
        """
        %%remote_gpu
        divide(1, 2)
        """,
    )
    cell.run()
    cell.shows("ZeroDivisionError: division by zero")
    shown = cell.output.inner_text()
    assert re.search(r"-+> \d+ divide\(1, 0\)", shown)
    assert re.search(r"-+> \d+ +return a / b", shown)
    assert "jupyter_remote_gpu" not in shown
    after.run()
    after.shows("0.5")


def test_input_is_asked_for_in_the_page(notebook: Notebook) -> None:
    (cell,) = notebook.add(
        """
        %%remote_gpu
        print("hello", input("Your name? "))
        """,
    )
    cell.start()
    box = cell.find("input.jp-Stdin-input")
    box.fill("Ada")
    box.press("Enter")
    cell.finish()
    cell.shows("hello Ada")
