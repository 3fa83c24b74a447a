"""What every store must do: a test module imports these and has a fixture named `store`."""

from __future__ import annotations

import threading

import pytest

from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.store import Store
from jupyter_remote_gpu.errors import DamagedError, LackingError


def chunk(number: int, size: int = 1000) -> tuple[bytes, bytes]:
    """Return the name and the bytes of a chunk that is always the same."""
    data = (b"%d " % number) * size
    return name_of(data[:size]), data[:size]


def test_what_was_added_is_there(store: Store) -> None:
    chunks = [chunk(i) for i in range(10)]
    store.add(chunks)
    assert store.having([name for name, _ in chunks] + [bytes(32)]) == {n for n, _ in chunks}
    assert [store.get(name) for name, _ in chunks] == [data for _, data in chunks]
    assert store.used_bytes() >= 10_000


def test_what_is_not_there_is_lacking(store: Store) -> None:
    assert store.having([bytes(32)]) == set()
    with pytest.raises(LackingError):
        store.get(bytes(32))


def test_a_chunk_that_is_not_what_its_name_says_is_refused(store: Store) -> None:
    name, data = chunk(1)
    with pytest.raises(DamagedError):
        store.add([(name, data + b"x")])
    assert store.having([name]) == set()


def test_the_same_chunk_twice_takes_room_once(store: Store) -> None:
    store.add([chunk(1)])
    used = store.used_bytes()
    store.add([chunk(1), chunk(1)])
    assert store.used_bytes() == used


def test_the_empty_chunk_is_a_chunk(store: Store) -> None:
    store.add([(name_of(b""), b"")])
    assert store.get(name_of(b"")) == b""


def test_trimming_spares_what_is_kept(store: Store) -> None:
    for i in range(20):
        store.add([chunk(i, 10_000)])
    names = [chunk(i, 10_000)[0] for i in range(20)]
    store.keep("workspace", names[:3])
    store.keep("other", names[3:5])
    store.trim(0)
    assert store.having(names) == set(names[:5])
    assert [store.get(name) for name in names[:5]] == [chunk(i, 10_000)[1] for i in range(5)]
    store.release("workspace")
    store.keep("other", names[4:5])
    store.release("never kept anything")
    store.trim(0)
    assert store.having(names) == {names[4]}


def test_trimming_to_more_than_is_used_forgets_nothing(store: Store) -> None:
    chunks = [chunk(i) for i in range(5)]
    store.add(chunks)
    store.trim(1 << 30)
    assert store.having(n for n, _ in chunks) == {n for n, _ in chunks}


def test_many_write_and_read_at_once(store: Store) -> None:
    wrong: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for i in range(40):
                store.add([chunk(j) for j in range(seed + i, seed + i + 5)])
                name, data = chunk(seed + i)
                assert store.get(name) == data
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (0, 10, 20, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
