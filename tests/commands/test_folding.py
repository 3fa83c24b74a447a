"""Long lists of files as a few lines."""

from __future__ import annotations

from jupyter_remote_gpu.commands.folding import Row, folded


def _rows(**sizes: int) -> list[Row]:
    return [Row(path, size) for path, size in sizes.items()]


def test_a_short_list_stays_as_it_is_by_path() -> None:
    rows = [Row("b", 2), Row("a/c", 1)]
    assert folded(rows, 2) == [Row("a/c", 1), Row("b", 2)]


def test_folders_stand_for_their_files_and_the_heaviest_is_opened() -> None:
    small = {f"src/pkg/{n}.py": 10 for n in range(50)}
    rows = _rows(**small, **{"data/a.csv": 500, "data/b.csv": 4000, "README": 1})
    assert folded(rows, 4) == [
        Row("README", 1),
        Row("data/a.csv", 500),
        Row("data/b.csv", 4000),
        Row("src/pkg", 500, count=50, is_folder=True),
    ]


def test_what_has_no_room_is_counted_in_one_line() -> None:
    rows = _rows(**{f"{n:02}.bin": n for n in range(20)})
    assert folded(rows, 3) == [
        Row("18.bin", 18),
        Row("19.bin", 19),
        Row(None, sum(range(18)), count=18, is_folder=True),
    ]


def test_nothing_is_lost_or_counted_twice() -> None:
    rows = _rows(**{f"{n % 3}/{n % 7}/{n}": n for n in range(300)})
    for most in range(1, 40):
        lines = folded(rows, most)
        assert len(lines) <= most
        assert sum(line.count for line in lines) == 300
        assert sum(line.bytes or 0 for line in lines) == sum(range(300))


def test_a_folder_in_the_list_stands_beside_what_lies_in_it() -> None:
    rows = [Row("a", None, is_folder=True), *_rows(**{f"a/{n}": 5 for n in range(9)})]
    assert folded(rows, 3) == [Row("a", 45, count=10, is_folder=True)]
