"""The line about large files that still come."""

from __future__ import annotations

from jupyter_remote_gpu.magic.coming_files import coming_text
from jupyter_remote_gpu.magic.terminal import OneLine
from jupyter_remote_gpu.session.sync_report import Coming, Moved

MODEL = Coming(Moved("out/model.pt", 160_000_000), 64_000_000)


def test_how_far_it_is_is_said() -> None:
    assert coming_text("box", (MODEL,)) == (
        "box ▸ still coming: out/model.pt, 64.0 MB of 160 MB (40 %)"
    )
    more = tuple(Coming(Moved(f"out/{n}.pt", 10_000_000), 99_000_000) for n in range(5))
    assert coming_text("", more) == "still coming: 5 files in out/, 50.0 MB of 50.0 MB (100 %)"


def test_a_terminal_hears_of_it_once() -> None:
    said: list[str] = []
    line = OneLine(said.append)
    line.show("1 %", 0.01)
    line.show("2 %", 0.02)
    line.end("here")
    assert said == ["1 %"]
