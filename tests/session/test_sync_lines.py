"""What a user of cells is told of syncs: news, once."""

from __future__ import annotations

from jupyter_remote_gpu.files.verdict import LeftOut, Why
from jupyter_remote_gpu.session.sync_lines import Said
from jupyter_remote_gpu.session.sync_report import (
    Moved,
    Planned,
    SyncReport,
    Waiting,
    Way,
)


def test_a_small_edit_is_no_news_and_what_came_back_is() -> None:
    said = Said("box")
    assert said.lines(SyncReport(sent=(Moved("a.py", 5000),))) == ()
    report = SyncReport(
        sent=(Moved("data"), Moved("data/w.bin", 2_000_000), Moved("old.py", deleted=True)),
        back=(Moved("out"), Moved("out/loss.csv", 1200), Moved("tmp.txt", deleted=True)),
    )
    assert said.lines(report) == (
        "sent data/w.bin (2.0 MB)",
        "came back: out/loss.csv (1.2 KB)",
        "deleted here too: tmp.txt",
    )


def test_what_stays_or_waits_is_told_once() -> None:
    said = Said("box")
    large = tuple(
        Planned(f"{n}.bin", Way.STAYS, Why.LARGE.value, 0, "300 MB", asks=True) for n in range(5)
    )
    report = SyncReport(
        waiting=(Waiting("run\x1b.sh", 10, "it can be run or imported"),),
        asking=large,
        left_out=(
            Planned("shut", Way.STAYS, Why.UNREADABLE.value, 0, "no", is_folder=True),
            Planned(".env", Way.STAYS, Why.SECRET.value, 0, ".env"),
        ),
        tokens={"train.py": "a GitHub token"},
    )
    lines = said.lines(report)
    assert lines[0] == "run\\x1b.sh of box waits for your word: `%remote_gpu kept --diff` shows why"
    assert lines[1] == (
        "0.bin (300 MB) stays here because it is large: `%remote_gpu sync --allow 0.bin` sends it"
    )
    assert lines[4:] == (
        "2 more files stay because they are large: `%remote_gpu sync --dry-run` lists them",
        "could not be read, and stays as it was there: shut/",
        "train.py was sent and holds a GitHub token: whoever can act on box can read it",
    )
    assert said.lines(report) == ()


def test_a_path_that_a_program_names_is_told_once() -> None:
    said = Said("box")
    env = LeftOut(b".env", Why.SECRET, "*.env")
    assert said.stays(env) == (
        ".env stays here: looks like a secret (*.env); a line `!.env` in a file .remotegpuignore"
        " lets it travel"
    )
    assert said.stays(env) is None


def test_what_waits_again_after_it_was_settled_is_told_again() -> None:
    said = Said("box")
    waits = SyncReport(waiting=(Waiting("a.py", 1, "it changes what came from here"),))
    assert len(said.lines(waits)) == 1
    assert said.lines(waits) == ()
    assert said.lines(SyncReport()) == ()
    assert len(said.lines(waits)) == 1
