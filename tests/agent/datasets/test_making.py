"""A dataset from the first byte to its place, by a server that goes wrong in every way."""

from __future__ import annotations

import hashlib
import threading

import pytest

from jupyter_remote_gpu.agent.datasets import making, part, web
from jupyter_remote_gpu.agent.datasets.job import Wanted
from jupyter_remote_gpu.agent.datasets.shelf import Shelf
from jupyter_remote_gpu.errors import (
    CorruptDataError,
    LinkEndedError,
    RateLimitedError,
    SourceDownError,
)
from tests.agent.datasets.maker import MEGABYTE, SEGMENT, Maker, noise
from tests.agent.datasets.serving import md5
from tests.files.trees import write


def test_a_file_comes_over_several_connections_and_is_checked(maker: Maker) -> None:
    data = noise(3 * MEGABYTE + 5)
    maker.server.put("a.bin", data)
    record = maker.make(Wanted("a.bin", len(data), md5(data)))
    assert maker.found() == {"a.bin": data}
    assert (record.count, record.bytes, record.checked) == (1, len(data), ("md5",))
    assert len(maker.server.ranges("a.bin")) > 4
    assert maker.steps[-1].total == len(data)


def test_what_is_there_costs_no_request(maker: Maker) -> None:
    maker.server.put("a.bin", b"data")
    first = maker.make(Wanted("a.bin", 4))
    maker.server.asked.clear()
    maker.asked.clear()
    assert maker.make(Wanted("a.bin", 4)) == first
    assert (maker.server.asked, maker.asked) == ([], [])


def test_a_broken_connection_goes_on_at_the_byte(maker: Maker) -> None:
    data = noise(MEGABYTE)
    maker.server.put("a.bin", data, drops=[100_000, 70_000, 1])
    maker.make(Wanted("a.bin", len(data), md5(data)), workers=1)
    assert maker.found() == {"a.bin": data}
    assert maker.server.ranges("a.bin")[1:3] == [
        "bytes=100000-1048575",
        "bytes=170000-1048575",
    ]


def test_another_process_goes_on_where_one_was_ended(maker: Maker) -> None:
    data = noise(2 * MEGABYTE)
    kept = maker.server.put("a.bin", data)
    maker.patience = 0.0
    kept.drops = [SEGMENT] + [50_000] * 8
    with pytest.raises(SourceDownError, match="connection"):
        maker.make(Wanted("a.bin", len(data), md5(data)), workers=1)
    kept.drops = []
    before = len(maker.server.asked)
    maker.patience = 5.0
    maker.make(Wanted("a.bin", len(data), md5(data)), workers=1)
    assert maker.found() == {"a.bin": data}
    first = maker.server.ranges("a.bin")[before]
    assert int(first.removeprefix("bytes=").partition("-")[0]) >= SEGMENT


@pytest.mark.parametrize("digested", [False, True])
def test_after_a_restart_of_the_machine_only_a_digest_lets_it_go_on(
    maker: Maker, monkeypatch: pytest.MonkeyPatch, digested: bool
) -> None:
    data = noise(MEGABYTE)
    kept = maker.server.put("a.bin", data, drops=[2 * SEGMENT] + [10] * 8)
    wanted = Wanted("a.bin", len(data), md5(data) if digested else {})
    maker.patience = 0.0
    with pytest.raises(SourceDownError, match="connection"):
        maker.make(wanted, workers=1)
    kept.drops = []
    if not digested:
        arrived = maker.base / "datasets" / ".making" / "d" / "parts" / "0"
        arrived.write_bytes(bytes(len(data)))  # as a disk does that lost what was written last
    monkeypatch.setattr(part, "boot_name", lambda: "another start")
    before = len(maker.server.asked)
    maker.patience = 5.0
    maker.make(wanted, workers=1)
    assert maker.found() == {"a.bin": data}
    begun_anew = maker.server.ranges("a.bin")[before].startswith("bytes=0-")
    assert begun_anew is not digested


def test_a_refused_link_is_signed_anew_and_nothing_is_fetched_twice(maker: Maker) -> None:
    data = noise(2 * MEGABYTE)
    kept = maker.server.put("a.bin", data, drops=[SEGMENT, 100_000, 100_000])
    maker.server.signatures = {"s=1"}
    signed = iter(range(1, 100))
    maker.sign = lambda path: maker.server.link(f"{path}?s={next(signed)}")
    requests = iter(range(100))

    def expire() -> None:
        if next(requests) == 2:
            maker.server.signatures = {"s=2"}

    kept.before = expire
    maker.make(Wanted("a.bin", len(data), md5(data)), workers=1)
    assert maker.found() == {"a.bin": data}
    assert maker.asked == ["", "the server answered 403"]
    starts = [int(r.removeprefix("bytes=").split("-")[0]) for r in maker.server.ranges("a.bin")]
    assert starts == [0, SEGMENT, SEGMENT + 100_000, SEGMENT + 100_000, SEGMENT + 200_000]


def test_a_link_near_its_end_is_not_used(maker: Maker) -> None:
    maker.server.put("a.bin", b"data")
    ends = iter([1.0, None])
    maker.sign = lambda path: maker.server.link(path, expires_at=next(ends))
    maker.make(Wanted("a.bin", 4))
    assert maker.asked == ["", "the link has ended"]


def test_a_server_that_falls_silent_is_asked_again(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "SILENT_SECONDS", 0.3)
    kept = maker.server.put("a.bin", b"data")
    go, first = threading.Event(), threading.Event()

    def hold() -> None:
        if not first.is_set():
            first.set()
            go.wait(30)

    kept.before = hold
    maker.make(Wanted("a.bin", 4))
    go.set()
    assert maker.found() == {"a.bin": b"data"}


def test_links_that_are_all_refused_end_it_with_what_the_server_says(maker: Maker) -> None:
    maker.server.put("a.bin", b"data", statuses=[403] * 99)
    with pytest.raises(LinkEndedError, match="403 <Error>in trouble"):
        maker.make(Wanted("a.bin", 4))


def test_an_error_page_never_becomes_part_of_the_file(maker: Maker) -> None:
    data = noise(MEGABYTE)
    maker.server.put("a.bin", data, drops=[50_000], statuses=[503, 500])
    maker.make(Wanted("a.bin", len(data)), workers=1)
    assert maker.found() == {"a.bin": data}


def test_a_server_without_ranges_is_read_from_its_beginning(maker: Maker) -> None:
    data = noise(MEGABYTE)
    maker.server.put("a.bin", data, ranges=False, drops=[300_000])
    maker.make(Wanted("a.bin", len(data), md5(data)))
    assert maker.found() == {"a.bin": data}


@pytest.mark.parametrize("size", [0, 300_000])
def test_a_server_may_keep_the_length_to_itself(maker: Maker, size: int) -> None:
    data = noise(size)
    maker.server.put("a.bin", data, measured=False, ranges=False, tag="")
    maker.make(Wanted("a.bin", None, md5(data)))
    assert maker.found() == {"a.bin": data}


def test_a_file_of_another_length_is_refused_however_the_server_tells_it(maker: Maker) -> None:
    maker.server.put("a.bin", b"half", measured=False, ranges=False, tag="")
    maker.server.put("b.bin", b"whole", statuses=[416])
    for file in (Wanted("a.bin", 8), Wanted("b.bin", 5)):
        with pytest.raises(SourceDownError, match="was to have"):
            maker.make(file)
    assert maker.make(Wanted("b.bin", 5)).bytes == 5


def test_a_tag_of_any_length_spoils_nothing(maker: Maker) -> None:
    data = noise(2 * MEGABYTE)
    maker.server.put("a.bin", data, tag='"' + "x" * 5000 + '"')
    maker.make(Wanted("a.bin", len(data)))
    assert maker.found() == {"a.bin": data}


def test_an_empty_file_is_a_file(maker: Maker) -> None:
    maker.server.put("a.bin", b"")
    maker.server.put("b.bin", b"")
    maker.make(Wanted("a.bin", 0), Wanted("b.bin"))
    assert maker.found() == {"a.bin": b"", "b.bin": b""}


def test_a_file_that_is_replaced_meanwhile_is_fetched_from_its_beginning(maker: Maker) -> None:
    old, new = noise(MEGABYTE, 1), noise(MEGABYTE, 2)
    kept = maker.server.put("a.bin", old, drops=[SEGMENT, 1000])
    requests = iter(range(100))

    def replace() -> None:
        if next(requests) == 2:
            kept.data, kept.tag = new, '"2"'

    kept.before = replace
    maker.make(Wanted("a.bin", len(new)), workers=1)
    assert maker.found() == {"a.bin": new}


def test_without_a_version_and_a_digest_nothing_is_pieced_together(maker: Maker) -> None:
    old, new = noise(MEGABYTE, 1), noise(MEGABYTE, 2)
    kept = maker.server.put("a.bin", old, tag="", drops=[SEGMENT] + [10] * 8)
    maker.patience = 0.0
    with pytest.raises(SourceDownError):
        maker.make(Wanted("a.bin", len(old)), workers=1)
    kept.data, kept.drops = new, []
    maker.make(Wanted("a.bin", len(new)), workers=1)
    assert maker.found() == {"a.bin": new}


def test_wrong_bytes_are_never_placed(maker: Maker) -> None:
    maker.server.put("a.bin", b"evil")
    with pytest.raises(CorruptDataError, match="md5 differs"):
        maker.make(Wanted("a.bin", 4, md5(b"good")))
    assert Shelf(maker.base).record("d") is None


def test_all_kinds_of_digests_are_checked(maker: Maker) -> None:
    data = b"123456789"
    maker.server.put("a.bin", data)
    digests = {
        **md5(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "git-blob": hashlib.sha1(b"blob 9\0" + data, usedforsecurity=False).hexdigest(),
        "crc32c": "e3069283",
    }
    assert maker.make(Wanted("a.bin", 9, digests)).checked == tuple(sorted(digests))


@pytest.mark.parametrize(
    "headers", [{"Retry-After": "3600"}, {"RateLimit": '"resolvers";r=0;t=3600'}], ids=str
)
def test_a_server_that_wants_a_long_rest_is_an_error_of_its_own(
    maker: Maker, headers: dict[str, str]
) -> None:
    maker.server.put("a.bin", b"data", statuses=[429], headers=headers)
    with pytest.raises(RateLimitedError, match="3600 s") as caught:
        maker.make(Wanted("a.bin", 4))
    assert caught.value.retry_after == 3600


def test_a_rest_that_a_server_asks_for_costs_no_patience(maker: Maker) -> None:
    maker.patience = 0.5
    limited = {"RateLimit": '"resolvers";r=0;t=1'}
    maker.server.put("a.bin", b"data", statuses=[429], headers=limited)
    maker.make(Wanted("a.bin", 4))
    assert maker.found() == {"a.bin": b"data"}


def test_a_token_goes_to_the_links_own_server_alone(maker: Maker) -> None:
    from tests.agent.datasets.serving import serving

    with serving() as other:
        other.put("b.bin", b"data")
        maker.server.put("a.bin", b"", moved=f"{other.root}/b.bin")
        maker.sign = lambda path: maker.server.link(path, headers={"Authorization": "Bearer x"})
        maker.make(Wanted("a.bin", 4))
        assert [one.authorization for one in maker.server.asked] == ["Bearer x"]
        assert [one.authorization for one in other.asked] == [""]
    assert maker.found() == {"a.bin": b"data"}


def test_many_small_files_come_side_by_side(maker: Maker) -> None:
    files = {f"{n % 7}/{n}.txt": noise(n, n) for n in range(200)}
    for path, data in files.items():
        maker.server.put(path, data)
    maker.make(*(Wanted(path, len(data), md5(data)) for path, data in files.items()))
    assert maker.found() == files
    assert len(maker.asked) <= 2 + making.AT_ONCE  # links are asked for by the hundred


def test_files_that_a_client_brought_are_taken_as_they_are(maker: Maker) -> None:
    brought = {"a.csv": noise(2 * SEGMENT + 3), "in/b.csv": b"b", "in/none.csv": b""}
    folder = maker.base / "carried/dataset-d"
    for path, data in brought.items():
        write(folder, {path: data})
    files = [
        Wanted(path, len(data), carried=f"carried/dataset-d/{path}")
        for path, data in brought.items()
    ]
    maker.make(*files)
    assert maker.found() == brought
    assert maker.server.asked == []
    assert not folder.exists()


def test_a_file_that_changed_while_it_was_brought_is_not_placed(maker: Maker) -> None:
    write(maker.base / "carried/dataset-d", {"a.csv": b"longer"})
    with pytest.raises(CorruptDataError, match=r"a\.csv has changed on your computer"):
        maker.make(Wanted("a.csv", 3, carried="carried/dataset-d/a.csv"))
