"""The stop button of JupyterLab, pressed while a remote cell runs."""

from __future__ import annotations

import pytest

from tests.browser.notebook import Notebook

pytestmark = pytest.mark.browser


def test_the_stop_button_stops_the_remote_cell_and_nothing_else(notebook: Notebook) -> None:
    cell, remote, local = notebook.add(
        """
        %%remote_gpu
        import threading
        kept = "still there"
        print("waiting")
        threading.Event().wait(60)
        """,
        """
        %%remote_gpu
        print("remote:", kept)
        """,
        "print('local:', kept)",
    )
    cell.start()
    cell.shows("waiting")
    notebook.interrupt()
    cell.finish()
    cell.shows("KeyboardInterrupt")
    assert "jupyter_remote_gpu" not in cell.output.inner_text()
    remote.run()
    remote.shows("remote: still there")
    local.run()
    local.shows("local: still there")
