"""What is said of files that travel, word for word."""

from __future__ import annotations

from jupyter_remote_gpu.commands.files_table import (
    dry_run_text,
    pulled_text,
    report_text,
    settled_text,
    waiting_text,
)
from jupyter_remote_gpu.files.plan import Do
from jupyter_remote_gpu.files.verdict import Why
from jupyter_remote_gpu.session.file_words import asking_line
from jupyter_remote_gpu.session.sync_report import (
    DryRun,
    Moved,
    Planned,
    SyncReport,
    Waiting,
    Way,
)

LARGE = Planned("big file.bin", Way.STAYS, Why.LARGE.value, 300_000_000, asks=True)
DRY = DryRun(
    (
        *(Planned(f"src/{n}.py", Way.OUT, Do.SEND.value, 1000) for n in range(20)),
        Planned("src/api.py", Way.OUT, Do.SEND.value, 900, "holds a GitHub token"),
        Planned("src", Way.OUT, Do.SEND.value, is_folder=True),
        Planned("empty", Way.OUT, Do.SEND.value, is_folder=True),
        Planned("old.txt", Way.OUT, Do.DELETE_THERE.value),
        Planned("same.txt", Way.OUT, Do.AGREE.value),
        Planned("outputs/model.pt", Way.BACK, Do.FETCH.value, 160_000_000),
        Planned("notes.md", Way.BOTH, Do.KEEP_BOTH.value, 20),
        LARGE,
        Planned(".env", Way.STAYS, Why.SECRET.value, 12, ".env"),
        *(
            Planned(f"s{n}/__pycache__", Way.STAYS, Why.CACHE.value, 0, "x", is_folder=True)
            for n in range(5)
        ),
    )
)


def test_a_dry_run_lists_everything_by_what_would_happen() -> None:
    assert dry_run_text("box", DRY) == "\n".join(
        [
            "a sync with box would do this; nothing was done",
            "",
            "sent: 21 files, 1 folder, 20.9 KB",
            "  empty/",
            "  src/ (21 files)  20.9 KB",
            "",
            "deleted there: 1 file",
            "  old.txt",
            "",
            "brought back: 1 file, 160 MB",
            "  outputs/model.pt  160 MB",
            "",
            "changed on both sides: both are kept: 1 file, 20 bytes",
            "  notes.md  20 bytes",
            "",
            "stays here, large; it is sent when you say so: 1 file, 300 MB",
            "  big file.bin  300 MB",
            "  `%remote_gpu sync --allow PATH` lets it travel",
            "",
            "stays here, looks like a secret: 1 file, 12 bytes",
            "  .env  12 bytes  .env",
            "  a line `!PATH` in a file .remotegpuignore lets it travel",
            "",
            "stays here, a cache or a file of an editor; it can be made again: s0/__pycache__/,"
            " s1/__pycache__/, s2/__pycache__/ and 2 more",
        ]
    )


def test_all_of_it_can_be_seen() -> None:
    text = dry_run_text("box", DRY, everything=True)
    for path in DRY.paths:
        assert (f"  {path.path}" in text) is (path.kind != Do.AGREE.value), path
    assert "holds a GitHub token" in text


def test_nothing_to_move_is_said() -> None:
    only = DryRun((Planned("same.txt", Way.OUT, Do.AGREE.value), LARGE))
    head = dry_run_text("box", only).splitlines()[0]
    assert head == "a sync with box would move nothing: both sides are the same"


def test_a_report_says_what_moved_and_what_there_is_to_do() -> None:
    report = SyncReport(
        sent=(Moved("a.py", 1000), Moved("b.py", 500), Moved("gone.py", deleted=True)),
        back=tuple(Moved(f"out/{n}.csv", 1000) for n in range(9)),
        conflicts=(Moved("notes.md", 20, other="notes.kept-from-box.md"),),
        waiting=(Waiting("run.sh", 10, "it can be run or imported"),),
        later=(Moved("model.pt", 160_000_000),),
        refused={"A.txt": "this file system takes it for the same file as a.txt"},
        asking=(LARGE,),
        left_out=(Planned(".env", Way.STAYS, Why.SECRET.value, 12, ".env"),),
        tokens={"a.py": "a GitHub token"},
        seconds=2.0,
    )
    assert report_text("box", report).splitlines() == [
        "sent a.py, b.py (1.5 KB); deleted gone.py on box;"
        " brought back 9 files in out/ (9.0 KB) · 2.0 s",
        "notes.md was changed here and on box: the one of here stands, box's is"
        " notes.kept-from-box.md",
        "still coming in the background: model.pt (160 MB)",
        "A.txt was not put in its place: this file system takes it for the same file as a.txt",
        "run.sh of box waits for your word: `%remote_gpu kept --diff` shows why",
        "big file.bin (300 MB) stays here because it is large:"
        " `%remote_gpu sync --allow 'big file.bin'` sends it",
        "stays here: .env: looks like a secret (.env)",
        "a.py was sent and holds a GitHub token: whoever can act on box can read it",
    ]


def test_the_same_on_both_sides_is_one_line() -> None:
    assert report_text("box", SyncReport()) == (
        "nothing to do: the files are the same here and on box"
    )
    assert pulled_text("box", SyncReport()) == (
        "nothing to bring: they are here as they are on box"
    )


def test_a_conflict_alone_needs_no_other_line() -> None:
    report = SyncReport(conflicts=(Moved("a", 1, other="a.kept-from-box"),))
    assert pulled_text("box", report) == (
        "a was changed here and on box: the one of here stands, box's is a.kept-from-box"
    )


def test_what_really_went_is_said_where_it_is_much_less() -> None:
    report = SyncReport(sent=(Moved("w.bin", 100_000_000),), bytes_out=300_000, seconds=0.5)
    assert report_text("box", report) == "sent w.bin (100 MB), 300 KB on the wire"


def test_what_waits_is_listed_with_reasons() -> None:
    waiting = [
        Waiting("train.py", 1200, "it changes what came from here", changes_ours=True),
        Waiting("net.pkl\x1b]0;x", 5000, "it changes what came from here", True, unsafe=True),
    ]
    assert waiting_text("box", waiting).splitlines() == [
        "put aside until you say what is to become of it: 2 files, 6.2 KB",
        "  net.pkl\\x1b]0;x  5.0 KB  it changes what came from here; loading it can run code",
        "  train.py         1.2 KB  it changes what came from here",
        "  `%remote_gpu kept accept PATH` puts one in its place, `… reject PATH` throws it away,"
        " `… --diff` shows it",
    ]
    assert waiting_text("box", []) == "nothing of box waits for your word"
    assert settled_text("box", "accepted", ["a", "b"]) == "accepted, and put in place: a, b"


def test_a_path_in_a_command_is_one_word() -> None:
    line = asking_line(Planned("it's.bin", Way.STAYS, Why.LARGE.value, 1, asks=True))
    assert "--allow 'it'\\''s.bin'`" in line
