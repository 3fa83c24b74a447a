"""What a user sees of a machine reached by SSH, in a real browser, from adding it to its loss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.notebook import Notebook
from tests.browser.test_moves import keep_picture
from tests.ssh_machines import ON_A_MACHINE, SSHMachines

pytestmark = [pytest.mark.browser, *ON_A_MACHINE]


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, ssh_cache: Path) -> Iterator[SSHMachines]:
    """Two hosts that were never used."""
    found = SSHMachines(tmp_path_factory.mktemp("machines"), ssh_cache)
    found.start("gpu-box")
    found.start("lab")
    yield found
    found.close()


def test_a_machine_from_adding_to_its_loss(notebook: Notebook, machines: SSHMachines) -> None:
    setup, add, run, slow, fail, other, look, table = notebook.add(
        "%unload_ext jupyter_remote_gpu\n"
        f"import os, json\nos.environ.update(json.loads('{json.dumps(machines.environ)}'))\n"
        "%load_ext jupyter_remote_gpu",
        "%remote_gpu add gpu-box gpu-box-host --trusted",
        """
        %%remote_gpu --machine gpu-box
        import ipywidgets
        squares = [n * n for n in range(1000)]
        slider = ipywidgets.IntSlider(value=3)
        label = ipywidgets.Label("not moved")
        slider.observe(lambda change: setattr(label, "value", f"moved to {change.new}"), "value")
        ipywidgets.VBox([slider, label])
        """,
        """
        %%remote_gpu --machine gpu-box
        import time
        for step in range(40):
            print("step", step, flush=True)
            time.sleep(0.1)
        """,
        "%%remote_gpu --machine gpu-box\nsquares[1000]",
        "%remote_gpu add lab lab-host",
        "%%remote_gpu --machine lab\nprint(sum(squares))",
        "%remote_gpu machines",
    )
    setup.run()
    add.start()
    add.shows("gpu-box ▸ ")
    keep_picture(notebook, "ssh-adding")
    add.finish()
    add.shows("gpu-box is added: ")
    add.shows("gpu-box ▸ made ready in ")
    run.start()
    run.shows("gpu-box ▸ ")
    keep_picture(notebook, "ssh-preparing")
    run.finish()
    run.shows("gpu-box ▸ ready in ")
    run.shows("not moved")
    slow.run()
    slow.shows("step 39")
    fail.run()
    fail.shows("IndexError: list index out of range")
    other.run()
    other.shows("lab is not trusted")
    look.run()
    look.shows("332833500")
    table.run()
    table.shows("this notebook: idle")
    handle = run.find(".noUi-handle, .slider-handle, [role=slider]").first
    handle.focus()
    handle.press("ArrowRight")
    run.shows("moved to 4")
    keep_picture(notebook, "ssh-machines")
