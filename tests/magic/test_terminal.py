"""Remote cells where there is no kernel: a terminal's shell, a script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("xmode", "Minimal")
for cell in CELLS:
    shell.run_cell(cell, store_history=True)
shell.run_line_magic("unload_ext", "jupyter_remote_gpu")
"""

CELLS = [
    "%load_ext jupyter_remote_gpu",
    "x = [1, 2]",
    "%%remote_gpu\nprint('there', x)\nx.append(3)\nsum(x)",
    "print('here', x)",
    "%%remote_gpu\nimport sys\nprint('aside', file=sys.stderr)\n1/0",
    "%%remote_gpu\nfrom IPython.display import display\ndisplay({'a': 1})",
    "%remote_gpu names",
]


def test_a_script_has_remote_cells_too(home: Path, tmp_path: Path) -> None:
    root = str(Path(__file__).resolve().parents[2])
    environ = {
        **os.environ,
        "JUPYTER_REMOTE_GPU_HOME": str(home),
        "PYTHONPATH": root,
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("CELLS", repr(CELLS))],
        capture_output=True,
        text=True,
        env=environ,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    out = ended.stdout
    assert "there [1, 2]\n" in out
    assert "Out[3]: 6" in out
    assert "here [1, 2, 3]\n" in out
    assert "ZeroDivisionError" in out + ended.stderr
    assert "aside\n" in ended.stderr
    assert "{'a': 1}" in out
    assert "embedded ▸ sent" in ended.stderr
