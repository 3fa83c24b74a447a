"""`%remote_gpu data`, `--datasets` and a local `dataset(…)`, in a real notebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Place, make_place
from tests.datasets.emulators.kaggle import USER, Dataset, Kaggle
from tests.datasets.emulators.serving import serving
from tests.datasets.emulators.storage import Storage
from tests.notebook import Notebook

SECRET = "KGAT_f00d5ec2e7f00d5ec2e7f00d5ec2e7"
ROWS = b"id,text\n" + b"".join(b"%d,item\n" % n for n in range(1000))
SETUP = """
from jupyter_remote_gpu.datasets.kaggle import KaggleSource
from jupyter_remote_gpu.datasets.kaggle_calls import KaggleCalls
from jupyter_remote_gpu.datasets.reference import Kind

_data = get_ipython().remote_gpu_extension.machines.data
_data._finding._made[Kind.KAGGLE] = KaggleSource(KaggleCalls(endpoint="{url}"))
"""


@pytest.fixture(scope="module", params=["untrusted"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The machine that is told least; where it lies makes no difference to the verbs."""
    return make_place(request, tmp_path_factory)


@pytest.fixture(scope="module")
def kaggle() -> Iterator[Kaggle]:
    """A Kaggle with the items of a shop."""
    storage = Storage()
    with serving(storage), serving(one := Kaggle(storage)):
        one.datasets["shop/items"] = Dataset([{"items.csv": ROWS, "photos/1.jpg": b"1"}])
        yield one


@pytest.fixture(scope="module")
def shop(notebook: Notebook, kaggle: Kaggle) -> Notebook:
    """A notebook whose Kaggle is the emulator."""
    assert notebook.run(SETUP.replace("{url}", kaggle.url)).error() == ""
    return notebook


def test_data_are_placed_listed_and_removed(shop: Notebook, kaggle: Kaggle) -> None:
    placed = shop.run("%remote_gpu data shop/items --as mine")
    assert placed.error() == ""
    assert "kaggle://shop/items@1 (" in placed.text()
    assert "2 files) is " in placed.text()
    assert "data/mine on embedded" in placed.text()
    there = shop.run('%%remote_gpu\nprint(len(open("data/mine/items.csv").read()))')
    assert there.text() == f"{len(ROWS)}\n"
    listed = shop.run("%remote_gpu data").text()
    assert "kaggle://shop/items@1" in listed
    again = len(kaggle.asked)
    assert shop.run("%remote_gpu data kaggle://shop/items --as mine").error() == ""
    assert len(kaggle.asked) == again
    kaggle.datasets["shop/items"].versions.append({"new.csv": b"1\n"})
    newer = shop.run("%remote_gpu data shop/items --as mine --newest")
    assert "kaggle://shop/items@2" in newer.text()
    removed = shop.run("%remote_gpu data --remove kaggle://shop/items")
    assert "freed" in removed.text()
    assert "kaggle://shop/items" not in shop.run("%remote_gpu data").text()


def test_a_cell_can_name_what_it_needs(shop: Notebook, kaggle: Kaggle) -> None:
    kaggle.datasets["shop/prices"] = Dataset([{"prices.csv": b"id,price\n1,2\n"}])
    cell = '%%remote_gpu --datasets shop/prices\nprint(open("data/prices/prices.csv").read())'
    shown = shop.run(cell)
    assert shown.error() == ""
    assert shown.text() == "id,price\n1,2\n\n"
    missing = shop.run('%%remote_gpu --datasets shop/none\nprint("ran")')
    assert missing.ename() == "NoSuchDataError"
    assert "ran" not in missing.text()


def test_the_projects_settings_name_what_every_cell_needs(
    shop: Notebook, kaggle: Kaggle, place: Place
) -> None:
    kaggle.datasets["shop/stock"] = Dataset([{"stock.csv": b"id,n\n1,2\n"}])
    settings = place.notebook / "shared" / ".remotegpu.toml"
    own = place.notebook / "shared" / "own.txt"
    own.write_text("first")
    settings.write_text('datasets = [{address = "shop/stock", as = "stored"}, "own.txt"]')
    assert "The project wants, and embedded has not: shop/stock, " in (
        shop.run("%remote_gpu data").text()
    )
    cell = '%%remote_gpu\nprint(open("data/stored/stock.csv").read())'
    assert shop.run(cell).text() == "id,n\n1,2\n\n"
    again = len(kaggle.asked)
    assert shop.run(cell).text() == "id,n\n1,2\n\n"
    assert len(kaggle.asked) == again
    own.write_text("changed here")
    changed = shop.run('%%remote_gpu\nprint(open("data/own.txt/own.txt").read())')
    assert changed.text() == "changed here\n"
    kaggle.datasets["shop/stock"].versions.append({"stock.csv": b"id,n\n1,3\n"})
    assert "kaggle://shop/stock@2" in shop.run("%remote_gpu data --newest").text()
    assert shop.run(cell).text() == "id,n\n1,3\n\n"
    settings.write_text('datasets = ["kaggle://shop"]')
    refused = shop.run('%%remote_gpu\nprint("ran")')
    assert refused.ename() == "RequestError"
    assert ".remotegpu.toml: entry 1 of datasets: 'kaggle://shop'" in refused.error()
    assert "ran" not in refused.text()
    settings.unlink()
    assert shop.run("%remote_gpu data --newest").ename() == "RequestError"
    assert shop.run('%%remote_gpu\nprint("ran")').text() == "ran\n"


def test_a_local_cell_looks_at_the_same_data(shop: Notebook, kaggle: Kaggle) -> None:
    kaggle.datasets["shop/look"] = Dataset([{"a/b.csv": ROWS}])
    code = 'found = dataset("shop/look")\nprint((found / "a/b.csv").open().readline(), end="")'
    shown = shop.run(code)
    assert shown.error() == ""
    assert shown.text() == "id,text\n"
    remote = 'print((dataset("shop/look") / "a/b.csv").open().readline(), end="")'
    assert shop.run(f"%%remote_gpu\n{remote}").text() == shown.text()
    shop.run("del found")


def test_a_path_in_data_is_each_sides_own(shop: Notebook, kaggle: Kaggle) -> None:
    kaggle.datasets["shop/paths"] = Dataset([{"a/b.csv": ROWS, "a/c.csv": b"c\n"}])
    read = 'print([path.open().readline() for path in [made, *more["all"]]])'
    shown = str(["id,text\n", "id,text\n", "c\n"]) + "\n"
    bind = 'made = dataset("shop/paths") / "a/b.csv"\nmore = {"all": sorted(made.parent.iterdir())}'
    assert shop.run(f"{bind}\n{read}").text() == shown
    there = shop.run(f"%%remote_gpu\n{read}\nprint(made)")
    assert there.error() == ""
    assert there.text().startswith(shown)
    assert there.text().endswith("/data/paths/a/b.csv\n")
    shop.run(f"%%remote_gpu\n{bind}\nelsewhere = made.parents[3] / 'x'")
    here = shop.run(f"{read}\nprint(made, type(elsewhere).__name__)")
    assert here.error() == ""
    assert here.text() == f"{shown}kaggle://shop/paths@1/a/b.csv PosixPath\n"


def test_the_token_stays_here_and_no_link_is_written_down(
    shop: Notebook, kaggle: Kaggle, place: Place
) -> None:
    kaggle.tokens[SECRET] = USER
    kaggle.datasets["shop/private"] = Dataset([{"a.csv": b"id,text\n"}], private=True)
    assert shop.run("%remote_gpu data shop/private").ename() == "NoCredentialsError"
    shop.run(f'import os\nos.environ["KAGGLE_API_TOKEN"] = "{SECRET}"')
    placed = shop.run("%remote_gpu data shop/private")
    assert placed.error() == ""
    code = 'import os\nprint("KAGGLE_API_TOKEN" in os.environ, open("data/private/a.csv").read())'
    there = shop.run(f"%%remote_gpu\n{code}")
    assert there.text() == "False id,text\n\n"
    signature = kaggle.storage.asked[-1].query["X-Goog-Signature"]
    for secret in (SECRET.encode(), signature.encode()):
        assert _holding(secret, place.state.rglob("*")) == []
        assert _holding(secret, Path("/proc").glob("[0-9]*/cmdline")) == []
        assert _holding(secret, Path("/proc").glob("[0-9]*/environ")) == []
        assert secret.decode() not in str([placed.messages, there.messages])
    shop.run('del os.environ["KAGGLE_API_TOKEN"]')


def _holding(secret: bytes, paths: Iterable[Path]) -> list[Path]:
    """Return the files that hold a secret."""
    return [path for path in paths if secret in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""  # gone, or a process that has ended


def test_what_is_wrong_is_said(shop: Notebook) -> None:
    assert shop.run("%remote_gpu data nonsense").ename() == "BadReferenceError"
    assert shop.run("%remote_gpu data --remove none").ename() == "RequestError"
    assert shop.run("%remote_gpu data a/b c/d --as both").ename() == "RequestError"
    assert shop.run("%remote_gpu data --remove --newest a/b").ename() == "RequestError"
