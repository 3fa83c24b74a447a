"""`remote-gpu run --datasets`: the data are there before the script runs."""

from __future__ import annotations

import sys
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
    assert "no data lie on embedded: `remote-gpu data kaggle://" in here.run("data").stdout


def test_data_of_this_computer_are_placed_too(here: Terminal) -> None:
    here.script("own/rows.csv", "1\n")
    here.script("own.py", "print(open('data/own/rows.csv').read(), end='')")
    ran = here.run("run", "own.py", "--datasets", "./own")
    assert (ran.stdout, ran.returncode) == ("1\n", 0), ran.stderr
    fetched = here.json("data", "./own")
    assert (fetched["files"], fetched["bytes"]) == (1, 2)


def test_without_its_data_a_script_does_not_run(here: Terminal, storage: Storage) -> None:
    here.script("never.py", "print('ran')")
    ran = here.run("run", "never.py", "--datasets", f"{storage.url}/none.zip")
    assert ran.returncode != 0
    assert "ran" not in ran.stdout
    assert "There is nothing at" in ran.stderr


READS = """
from jupyter_remote_gpu import dataset

print((dataset("{address}") / "a/items.csv").open().read(), end="")
"""


def test_a_script_names_its_data_and_runs_anywhere(here: Terminal, storage: Storage) -> None:
    here.script("names.py", READS.format(address=f"{storage.url}/items.zip"))
    plain = here.shell(f"{sys.executable} names.py")
    assert (plain.stdout, plain.returncode) == ("id\n1\n", 0), plain.stderr
    ran = here.run("run", "names.py")
    assert (ran.stdout, ran.returncode) == ("id\n1\n", 0), ran.stderr


def test_an_address_that_no_text_names_is_told(here: Terminal, storage: Storage) -> None:
    here.script("hides.py", "import jupyter_remote_gpu as rg\nrg.dataset('a/' + 'b')")
    ran = here.run("run", "hides.py")
    assert ran.returncode == 1
    assert "a/b was not placed on this machine before the script began" in ran.stderr


def test_the_projects_settings_name_data(here: Terminal, storage: Storage) -> None:
    address = f"{storage.url}/wanted.zip"
    storage.put("/wanted.zip", zipped({"b.csv": b"2\n"}))
    here.script(".remotegpu.toml", f'datasets = [{{address = "{address}", as = "mine"}}]')
    here.script("wants.py", "print(open('data/mine/b.csv').read(), end='')")
    assert f"The project wants, and embedded has not: {address}." in here.run("data").stdout
    ran = here.run("run", "wants.py")
    assert (ran.stdout, ran.returncode) == ("2\n", 0), ran.stderr
    assert "The project wants" not in here.run("data").stdout
    assert here.json("data", "--project")["data"] == address
    here.script(".remotegpu.toml", "datasets = ['nonsense']")
    refused = here.run("run", "wants.py")
    assert (refused.stdout, refused.returncode) == ("", 122)
    assert ".remotegpu.toml: entry 1 of datasets: " in refused.stderr
