"""What a user sees of a machine reached by SSH, in a real browser, from adding it to its loss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.lab import Lab
from tests.browser.notebook import READY_MS, Notebook
from tests.browser.test_moves import keep_picture
from tests.files.trees import write
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


def _setup(machines: SSHMachines) -> str:
    """Return the cell that lets a notebook use these machines."""
    return (
        "%unload_ext jupyter_remote_gpu\n"
        f"import os, json\nos.environ.update(json.loads('{json.dumps(machines.environ)}'))\n"
        "%load_ext jupyter_remote_gpu"
    )


def test_a_machine_from_adding_to_its_loss(notebook: Notebook, machines: SSHMachines) -> None:
    setup, add, run, slow, fail, other, look, table = notebook.add(
        _setup(machines),
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


def test_the_project_s_files_follow(notebook: Notebook, machines: SSHMachines, lab: Lab) -> None:
    write(lab.folder, {"curve.py": "def at(x):\n    return x * x\n", ".env": "TOKEN=1"})
    write(lab.folder, {"data/days.csv": "\n".join(map(str, range(100)))})
    setup, add, dry, run, large, edit, again, other, kept, accept = notebook.add(
        _setup(machines),
        "%remote_gpu add files-box gpu-box-host",
        "%remote_gpu sync --dry-run files-box",
        """
        %%remote_gpu --machine files-box
        from pathlib import Path
        import curve
        days = Path("data/days.csv").read_text().split()
        Path("outputs").mkdir()
        Path("outputs/curve.csv").write_text("\\n".join(str(curve.at(int(day))) for day in days))
        """,
        """
        %%remote_gpu --machine files-box
        import os
        Path("outputs/model.pt").write_bytes(os.urandom(40_000_000));
        """,
        "open('curve.py', 'w').write('def at(x):\\n    return x + 1\\n')",
        "%%remote_gpu --machine files-box\nprint(curve.at(41))",
        """
        %%remote_gpu --machine files-box
        Path("curve.py").write_text("def at(x):\\n    return x - 1\\n")
        open(".env")
        """,
        "%remote_gpu kept --diff",
        "%remote_gpu kept accept curve.py",
    )
    setup.run()
    for cell in (add, dry):
        cell.start()
        cell.finish(READY_MS)
    dry.shows("stays here, looks like a secret: 1 file")
    keep_picture(notebook, "files-dry-run")
    run.run()
    run.shows("files-box ▸ came back: outputs/curve.csv (")
    assert (lab.folder / "outputs/curve.csv").read_text().startswith("0\n1\n4\n9")
    large.run()
    edit.run()
    again.run()
    again.shows("42")
    large.shows("files-box ▸ outputs/model.pt (40.0 MB) came back")
    other.run()
    other.shows("files-box ▸ .env stays here: looks like a secret")
    other.shows("curve.py of files-box waits for your word")
    kept.run()
    kept.shows("+    return x - 1")
    keep_picture(notebook, "files-kept")
    accept.run()
    accept.shows("accepted, and put in place: curve.py")
    assert "x - 1" in (lab.folder / "curve.py").read_text()
    keep_picture(notebook, "files")
