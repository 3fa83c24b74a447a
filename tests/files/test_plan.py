"""Plans from three trees: each side takes what the other changed; nothing is lost in doubt."""

from __future__ import annotations

import itertools
import random

import pytest

from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.manifest import Content
from jupyter_remote_gpu.chunks.tree import FOLDER, Entry, FileEntry, LinkEntry
from jupyter_remote_gpu.files.plan import Agreed, Do, Plan, Step, plan
from jupyter_remote_gpu.files.returning import may_return, unsafe_to_load


def _file(text: str, *, executable: bool = False) -> FileEntry:
    return FileEntry(Content(len(text), name_of(text.encode())), executable)


A, B, C = _file("a"), _file("b"), _file("c")


def _one(
    was: Entry | None, here: Entry | None, there: Entry | None, *, trusted: bool = True
) -> Do | None:
    agreed = {} if was is None else {b"f": Agreed(was)}
    found = plan(agreed, _tree(here), _tree(there), trusted=trusted)
    return found.steps[b"f"].do if found.steps else None


def _tree(entry: Entry | None) -> dict[bytes, Entry]:
    return {} if entry is None else {b"f": entry}


@pytest.mark.parametrize(
    ("was", "here", "there", "do"),
    [
        (A, A, A, None),
        (A, B, A, Do.SEND),
        (None, A, None, Do.SEND),
        (A, A, B, Do.FETCH),
        (None, None, A, Do.FETCH),
        (A, None, A, Do.DELETE_THERE),
        (A, A, None, Do.DELETE_HERE),
        (A, None, None, Do.FORGET),
        (A, B, B, Do.AGREE),
        (None, B, B, Do.AGREE),
        (A, B, C, Do.KEEP_BOTH),
        (None, B, C, Do.KEEP_BOTH),
        (A, None, B, Do.FETCH),
        (A, B, None, Do.SEND),
        (A, FOLDER, B, Do.BLOCKED),
        (A, FOLDER, A, Do.SEND),
        (A, A, FOLDER, Do.FETCH),
    ],
)
def test_what_is_done_about_a_file(
    was: Entry | None, here: Entry | None, there: Entry | None, do: Do | None
) -> None:
    assert _one(was, here, there) is do


def test_a_right_is_a_change() -> None:
    assert _one(A, _file("a", executable=True), A) is Do.SEND


@pytest.mark.parametrize("trusted", [True, False])
def test_nothing_is_ever_overwritten_that_is_not_as_agreed(trusted: bool) -> None:
    """For all threes: what one side loses was known to both, or is kept by the step."""
    values: list[Entry | None] = [None, A, B, C, FOLDER, LinkEntry(b"x")]
    for was, here, there in itertools.product(values, repeat=3):
        do = _one(was, here, there, trusted=trusted)
        if do is Do.FETCH and here is not None:
            assert here == was
            assert trusted
        if do is Do.DELETE_HERE:
            assert here == was
        if do in (Do.SEND, Do.DELETE_THERE) and there is not None:
            assert there == was
        if do is None:
            assert here == there == was or not trusted


def test_a_file_left_out_here_is_not_deleted_there() -> None:
    agreed = {b"out/w.pt": Agreed(A, made_there=True)}
    same = plan(agreed, {}, {b"out/w.pt": A}, trusted=True, not_followed={b"out"})
    assert same.steps == {}
    changed = plan(agreed, {}, {b"out/w.pt": B}, trusted=True, not_followed={b"out"})
    assert changed.steps[b"out/w.pt"].do is Do.FETCH
    gone = plan(agreed, {}, {}, trusted=True, not_followed={b"out"})
    assert gone.steps[b"out/w.pt"].do is Do.FORGET


def test_a_folder_removed_there_stays_for_what_changed_in_it_here() -> None:
    was: dict[bytes, Entry] = {b"d": FOLDER, b"d/e": FOLDER, b"d/e/f": A}
    agreed = {path: Agreed(entry) for path, entry in was.items()}
    found = plan(agreed, {b"d": FOLDER, b"d/e": FOLDER, b"d/e/f": B}, {}, trusted=True)
    assert {path: step.do for path, step in found.steps.items()} == {
        b"d": Do.SEND,
        b"d/e": Do.SEND,
        b"d/e/f": Do.SEND,
    }
    found = plan(agreed, {}, {b"d": FOLDER, b"d/e": FOLDER, b"d/e/f": B}, trusted=True)
    assert {step.do for step in found.steps.values()} == {Do.FETCH}


def test_what_lies_below_a_file_that_is_a_folder_there_is_left_alone() -> None:
    found = plan({b"d": Agreed(A)}, {b"d": B}, {b"d": FOLDER, b"d/x": C}, trusted=True)
    assert {path: step.do for path, step in found.steps.items()} == {
        b"d": Do.BLOCKED,
        b"d/x": Do.BLOCKED,
    }


def test_only_the_paths_asked_about_are_planned() -> None:
    found = plan({}, {b"a": A, b"b": B}, {}, trusted=True, paths=[b"b", b"not there"])
    assert found.steps == {b"b": Step(b"b", Do.SEND, B, None)}


def test_steps_by_kind_have_parents_first() -> None:
    found = plan({}, {b"d/x": A, b"d": FOLDER, b"c": B}, {}, trusted=True)
    assert [step.path for step in found.of(Do.SEND)] == [b"c", b"d", b"d/x"]


# ---- from a machine that is not trusted


def _untrusted(there: dict[bytes, Entry], agreed: dict[bytes, Agreed] | None = None) -> Plan:
    known = agreed or {}
    return plan(known, {path: a.entry for path, a in known.items()}, there, trusted=False)


@pytest.mark.parametrize(
    "path",
    [
        b"train.py", b"TRAIN.PY", b"m/__init__.py", b"x.so", b"x.so.1.2", b"x.pth", b"n.ipynb",
        b"run.sh", b"Makefile", b"sub/Makefile", b".bashrc", b".vscode/x.json", b"conftest.py",
        b"pyproject.toml", b"requirements-dev.txt", b"setup.cfg", b"plot.html", b"p.svg", b"x.py. ",
        b"Dockerfile", b"package.json", b"a.dll", b"x.bat", b"k.cu",
    ],
)  # fmt: skip
def test_what_can_run_waits(path: bytes) -> None:
    assert _untrusted({path: A}).steps[path].do is Do.QUARANTINE


@pytest.mark.parametrize(
    "path",
    [
        b"loss.csv",
        b"out/w.safetensors",
        b"plot.png",
        b"log.txt",
        b"m.json",
        b"w.pt",
        b"run/events.1",
    ],
)
def test_new_data_returns(path: bytes) -> None:
    assert _untrusted({path: A}).steps[path].do is Do.FETCH


def test_programs_and_links_wait() -> None:
    assert may_return(b"data.csv", _file("x", executable=True)) == "it may be run"
    assert may_return(b"data.csv", LinkEntry(b"/etc/passwd")) is not None
    assert may_return(b"out", FOLDER) is None


def test_a_folder_does_not_take_a_file_s_place() -> None:
    agreed = {b"data.csv": Agreed(A)}
    found = _untrusted({b"data.csv": FOLDER, b"data.csv/x": B}, agreed)
    assert {step.do for step in found.steps.values()} == {Do.BLOCKED}
    hidden = _untrusted({b".ssh": FOLDER, b".ssh/config": B})
    assert {path: step.do for path, step in hidden.steps.items()} == {b".ssh/config": Do.QUARANTINE}


def test_what_came_from_here_is_not_changed() -> None:
    agreed = {b"data.csv": Agreed(A)}
    changed = _untrusted({b"data.csv": B}, agreed).steps[b"data.csv"]
    assert (changed.do, changed.there) == (Do.QUARANTINE, B)
    gone = _untrusted({}, agreed).steps[b"data.csv"]
    assert gone.do is Do.SEND


def test_what_the_machine_made_it_may_change_and_delete() -> None:
    agreed = {b"loss.csv": Agreed(A, made_there=True)}
    assert _untrusted({b"loss.csv": B}, agreed).steps[b"loss.csv"].do is Do.FETCH
    assert _untrusted({}, agreed).steps[b"loss.csv"].do is Do.DELETE_HERE
    # It was changed here since: then it is the user's.
    found = plan(agreed, {b"loss.csv": C}, {b"loss.csv": B}, trusted=False)
    assert found.steps[b"loss.csv"].do is Do.QUARANTINE


def test_pickles_are_marked() -> None:
    found = _untrusted({b"w.pt": A, b"w.safetensors": B})
    assert found.unsafe == {b"w.pt"}
    assert unsafe_to_load(b"model.PKL")
    assert not unsafe_to_load(b"model.csv")


# ---- all of it together


@pytest.mark.parametrize("seed", range(30))
def test_two_sides_come_to_agree_and_lose_nothing(seed: int) -> None:
    """Random edits on both sides, planned and carried out in memory, again and again."""
    rnd = random.Random(seed)
    agreed: dict[bytes, Agreed] = {}
    here: dict[bytes, Entry] = {}
    there: dict[bytes, Entry] = {}
    for n in range(30):
        for side in (here, there):
            for _ in range(rnd.randrange(3)):
                path = rnd.choice([b"a", b"b", b"c"])
                side.pop(path, None)
                if rnd.random() < 0.7:
                    side[path] = _file(f"{n} {rnd.random()}")
        every = set(here.values()) | set(there.values())
        was = {known.entry for known in agreed.values()}
        kept = _carry_out(plan(agreed, here, there, trusted=True), agreed, here, there)
        assert here == there == {path: known.entry for path, known in agreed.items()}
        # What is nowhere any more was known to both sides before.
        assert every - set(here.values()) - kept <= was
        assert plan(agreed, here, there, trusted=True).steps == {}


def _carry_out(
    found: Plan, agreed: dict[bytes, Agreed], here: dict[bytes, Entry], there: dict[bytes, Entry]
) -> set[Entry]:
    kept: set[Entry] = set()
    for step in found.of(*Do):
        wins = step.there if step.do in (Do.FETCH, Do.DELETE_HERE) else step.here
        if step.do is Do.KEEP_BOTH:
            assert step.there is not None
            kept.add(step.there)
        for side in (here, there):
            side.pop(step.path, None)
            if wins is not None:
                side[step.path] = wins
        agreed.pop(step.path, None)
        if wins is not None:
            agreed[step.path] = Agreed(wins)
    return kept
