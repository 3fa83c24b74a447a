"""`remote-gpu run --datasets`: the data are there before the script runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.terminal import Terminal
from tests.datasets.emulators.kaggle import zipped
from tests.datasets.emulators.serving import serving
from tests.datasets.emulators.storage import Storage


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    """A web server with an archive, open to all."""
    with serving(one := Storage()):
        one.signs = False
        one.put("/items.zip", zipped({"a/items.csv": b"id\n1\n"}))
        yield one


def test_a_script_finds_its_data(here: Terminal, storage: Storage) -> None:
    here.script("reads.py", "print(open('data/items/a/items.csv').read(), end='')")
    for _ in range(2):
        ran = here.run("run", "reads.py", "--datasets", f"{storage.url}/items.zip")
        assert (ran.stdout, ran.returncode) == ("id\n1\n", 0), ran.stderr
    whole = [one for one in storage.asked if one.headers.get("range") != "bytes=0-0"]
    assert len(whole) == 1


def test_data_are_fetched_ahead_listed_and_freed(here: Terminal, storage: Storage) -> None:
    address = f"{storage.url}/items.zip"
    fetched = here.json("data", address)
    assert (fetched["data"], fetched["files"], fetched["bytes"]) == (address, 1, 5)
    assert [row["text"] for row in here.json("data")["datasets"]] == [address]
    assert "freed" in here.run("data", "--remove", "items").stdout


def test_without_its_data_a_script_does_not_run(here: Terminal, storage: Storage) -> None:
    here.script("never.py", "print('ran')")
    ran = here.run("run", "never.py", "--datasets", f"{storage.url}/none.zip")
    assert ran.returncode != 0
    assert "ran" not in ran.stdout
    assert "There is nothing at" in ran.stderr
