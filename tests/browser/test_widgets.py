"""Widgets made in remote cells, touched in a real browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser.notebook import Cell, Notebook, await_text

pytestmark = pytest.mark.browser

SLIDER = """
    %%remote_gpu
    import ipywidgets, os
    slider, label = ipywidgets.IntSlider(value=1), ipywidgets.Label("untouched")
    def moved(change):
        label.value = f"remote {os.getpid()}: {change.new}"
    slider.observe(moved, "value")
    ipywidgets.VBox([slider, label])
"""


def move(cell: Cell) -> None:
    """Move the slider of a cell one step to the right."""
    cell.find(".noUi-handle").focus()
    cell.page.keyboard.press("ArrowRight")


def label(cell: Cell) -> str:
    """Return the text of a cell's label."""
    return cell.find(".widget-label").last.inner_text()


def test_a_notebook_progress_bar_fills(notebook: Notebook) -> None:
    (cell,) = notebook.add(
        """
        %%remote_gpu
        from tqdm.notebook import tqdm
        for step in tqdm(range(500)):
            pass
        """,
    )
    cell.run()
    cell.shows("500/500")
    cell.shows("100%")
    bar = cell.find(".widget-hprogress .progress-bar")
    filled = bar.evaluate("bar => bar.offsetWidth / bar.parentElement.clientWidth")
    assert filled > 0.99


def test_a_slider_moved_in_the_page_is_observed_there(notebook: Notebook) -> None:
    cell, here = notebook.add(SLIDER, "import os; print(os.getpid())")
    cell.run()
    cell.shows("untouched")
    move(cell)
    cell.shows(": 2")
    here.run()
    # The callback ran in the other Python.
    assert label(cell).removeprefix("remote ").split(":")[0] != here.texts()[0]


def test_an_output_widget_captures_here_and_in_callbacks(notebook: Notebook) -> None:
    (cell,) = notebook.add(
        """
        %%remote_gpu
        import ipywidgets
        out, button = ipywidgets.Output(), ipywidgets.Button(description="press")
        def pressed(b):
            with out:
                print("in the callback")
        button.on_click(pressed)
        display(button, out)
        with out:
            print("in the cell")
        print("outside")
        """,
    )
    cell.run()
    captured = cell.find(".widget-output")
    await_text(captured, "in the cell")
    cell.find("button").click()
    await_text(captured, "in the callback")
    assert "outside" not in captured.inner_text()


def test_an_output_widget_captures_a_callback_that_takes_long(
    notebook: Notebook, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    (cell,) = notebook.add(
        f"""
        %%remote_gpu
        import ipywidgets
        out, button = ipywidgets.Output(), ipywidgets.Button(description="train")
        def train(b):
            with out:
                print("early")
                open({str(gate)!r}).read()
                print("late")
        button.on_click(train)
        display(button, out)
        """
    )
    cell.run()
    cell.find("button").click()
    captured = cell.find(".widget-output")
    await_text(captured, "early")
    # The notebook's kernel is idle again long before the callback is through.
    notebook.await_kernel()
    gate.write_text("go on")
    await_text(captured, "late")
    assert captured.inner_text().split() == ["early", "late"]


def test_a_button_is_heard_while_the_cell_runs(notebook: Notebook) -> None:
    (cell,) = notebook.add(
        """
        %%remote_gpu
        import ipywidgets, threading
        heard, button = threading.Event(), ipywidgets.Button(description="stop training")
        button.on_click(lambda b: heard.set())
        display(button)
        print("heard:", heard.wait(25))
        """,
    )
    cell.start()
    cell.find("button").click()
    cell.finish()
    cell.shows("heard: True")


def test_widgets_live_on_after_a_reload(notebook: Notebook) -> None:
    (cell,) = notebook.add(SLIDER)
    cell.run()
    move(cell)
    cell.shows(": 2")
    notebook.save_and_reload()
    notebook.await_kernel()
    move(cell)
    cell.shows(": 3")


def test_widgets_live_on_after_a_reload_during_a_run(notebook: Notebook) -> None:
    (cell,) = notebook.add(
        """
        %%remote_gpu
        import ipywidgets, threading
        button, pressed = ipywidgets.Button(description="press"), threading.Event()
        def press(b):
            button.description = "pressed"
            pressed.set()
        button.on_click(press)
        display(button)
        pressed.wait(60)
        """
    )
    cell.start()
    cell.find("button").wait_for()
    notebook.save_and_reload()
    # JupyterLab is not connected to a kernel before that has answered it, which
    # a busy one does not, remote or not.
    notebook.interrupt()
    notebook.await_kernel()
    cell.find("button").click()
    await_text(cell.find("button"), "pressed")
