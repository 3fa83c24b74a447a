"""`python -m examples.demo`: the quickstart notebook, run here and watched in the terminal."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

OUTPUT = Path("demo-output")
QUICK_STEPS = "60"
NEEDED = (
    "jupyter_remote_gpu",
    "matplotlib",
    "nbclient",
    "nbformat",
    "numpy",
    "safetensors",
    "torch",
    "tqdm",
)
"""What the quickstart and its runner import; modules and packages bear the same names."""
INTRODUCTION = """\
Training a small GPT on Alice's Adventures in Wonderland, in a notebook without a browser.
`local` cells run in the notebook's Python, `remote` cells in the embedded machine's: with
nothing configured that is a second process on this computer.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; returns 0, or 1 if the notebook failed or a package is missing."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_STEPS} steps: done sooner, writes worse"
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder for the results")
    options = parser.parse_args(arguments)
    missing = [module for module in NEEDED if not _importable(module)]
    if missing:
        print(
            f"The demo needs packages that this Python ({sys.executable}) does not have: "
            f"{', '.join(missing)}.\n"
            "`make demo` sets up an environment that has them; "
            "or run: pip install '.[demo,torch]'",
            file=sys.stderr,
        )
        return 1
    settings = {"QUICKSTART_STEPS": QUICK_STEPS} if options.quick else {}
    return _demo(options.output, settings)


def _demo(folder: Path, settings: dict[str, str]) -> int:
    # Imported late: these need the packages that were asked for a moment ago.
    from .running.notebook import read, write
    from .running.run import EXAMPLES, NotebookFailedError, run
    from .running.settle import settle
    from .running.watch import Watch

    stored = folder / "quickstart.ipynb"
    try:
        (folder / "data").mkdir(parents=True, exist_ok=True)
        shutil.copy(EXAMPLES / "data" / "alice.txt", folder / "data")
    except OSError as error:
        print(f"The demo cannot write its results to {folder.resolve()}: {error}", file=sys.stderr)
        return 1
    print(INTRODUCTION, flush=True)
    started = time.monotonic()
    notebook = read(EXAMPLES / "quickstart.ipynb")
    try:
        run(notebook, folder=folder, follower=Watch(), settings=settings)
    except NotebookFailedError as error:
        write(error.notebook, stored)
        print(f"\nThe demo stopped: {error}", file=sys.stderr)
        print(f"\nThe notebook as far as it came: {stored.resolve()}", file=sys.stderr)
        return 1
    settle(notebook)
    write(notebook, stored)
    return _show_results(notebook, folder, stored, time.monotonic() - started)


def _show_results(notebook: NotebookNode, folder: Path, stored: Path, seconds: float) -> int:
    from .running.cells import code_cells, pictures, streamed_text

    cells = code_cells(notebook)
    for cell, node in cells:
        if "samples" in cell.tags:
            print(f"\n{cell.title} ({cell.place}):\n")
            print(textwrap.indent(streamed_text(node).strip(), "    "))
    training = [node for cell, node in cells if "loss-curve" in cell.tags]
    curves = [picture for node in training for picture in pictures(node)]
    if not curves:
        print("\nThe notebook ran, but its training cell shows no loss curve.", file=sys.stderr)
        return 1
    curve = folder / "loss-curve.png"
    curve.write_bytes(curves[-1])
    print(f"\nDone in {seconds:.0f} s.")
    print(f"  loss curve         {curve.resolve()}")
    print(f"  executed notebook  {stored.resolve()}")
    print(f"  trained weights    {(folder / 'output' / 'alice.safetensors').resolve()}")
    return 0


def _importable(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


if __name__ == "__main__":
    sys.exit(main())
