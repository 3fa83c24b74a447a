"""The words of the notebook's magics, in those of the terminal."""

from __future__ import annotations

_NOTEBOOK = (
    ("`%remote_gpu", "`remote-gpu"),
    ("%%remote_gpu --machine", "remote-gpu run SCRIPT --machine"),
    ("a plain %%remote_gpu runs the cell", "a plain remote-gpu run runs the script"),
    ("The next %%remote_gpu cell", "The next remote-gpu run"),
    ("Run the cell again.", "Try again."),
    ("%remote_gpu ", "remote-gpu "),
)


def reworded(text: str) -> str:
    """Return a sentence of the package as it is said in a terminal."""
    for magic, terminal in _NOTEBOOK:
        text = text.replace(magic, terminal)
    return text
