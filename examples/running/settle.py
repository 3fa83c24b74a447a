"""What a cell's outputs look like once it is over: one text a stream, as a terminal would show it.

A progress bar redraws its line some hundred times; what stays on the screen is the last state.
"""

from __future__ import annotations

from nbformat import NotebookNode

KEPT_METADATA = frozenset({"tags"})
"""The cell metadata that people write; all else comes from whoever ran the notebook."""


def settle(notebook: NotebookNode) -> None:
    """Bring `notebook` into the form in which it is stored; changes it in place.

    Each stream of a cell becomes one output at the place of its first text; what the run left
    in metadata (times, versions) is removed; the widgets' state, which a plain reader of the
    file cannot show, too.
    """
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        for key in set(cell.metadata) - KEPT_METADATA:
            del cell.metadata[key]
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)


def on_screen(text: str) -> str:
    """Return what a terminal shows after `text`: carriage returns and backspaces carried out."""
    return "\n".join(_line_on_screen(line) for line in text.split("\n"))


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    joined: list[NotebookNode] = []
    streams: dict[str, NotebookNode] = {}
    for output in outputs:
        if output.output_type != "stream":
            joined.append(output)
        elif output.name in streams:
            streams[output.name].text += output.text
        else:
            streams[output.name] = output
            joined.append(output)
    for stream in streams.values():
        stream.text = on_screen(stream.text)
    return [output for output in joined if output.output_type != "stream" or output.text]


def _line_on_screen(line: str) -> str:
    if "\r" not in line and "\b" not in line:
        return line
    shown: list[str] = []
    column = 0
    for sign in line:
        if sign == "\r":
            column = 0
        elif sign == "\b":
            column = max(0, column - 1)
        else:
            shown[column : column + 1] = sign
            column += 1
    return "".join(shown).rstrip()
