"""`push_to_hub` in remote and local cells: bytes go from where they are, the token stays here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Place, make_place
from tests.datasets.emulators.hub import Hub
from tests.datasets.emulators.serving import serving
from tests.datasets.emulators.storage import Storage
from tests.notebook import Notebook

SECRET = "hf_5eC0ndT0kenThatStaysOnThisComputer00"
TRAIN = """%%remote_gpu
import numpy
weights = {"w": numpy.arange(12_000, dtype="float32"), "b": numpy.zeros(3)}"""
PUSH = '%%remote_gpu\npage = push_to_hub(weights, "alice/shop", metrics={"loss": 0.5})'


@pytest.fixture(scope="module", params=["untrusted"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The machine that is told least."""
    return make_place(request, tmp_path_factory)


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    storage = Storage()
    with serving(storage), serving(one := Hub(storage)):
        one.tokens = {SECRET: "alice"}
        yield one


@pytest.fixture(scope="module")
def shop(notebook: Notebook, hub: Hub) -> Notebook:
    """A notebook whose Hub is the emulator, with weights on the machine."""
    setup = f'import os\nos.environ.update(HF_ENDPOINT="{hub.url}", HF_TOKEN="{SECRET}")'
    assert notebook.run(TRAIN).error() == ""
    # The kernel runs already: one on this same computer would begin with what is set here.
    assert notebook.run(setup).error() == ""
    return notebook


def test_a_remote_cell_publishes_and_the_token_stays_here(
    shop: Notebook, hub: Hub, place: Place
) -> None:
    pushed = shop.run(PUSH)
    assert pushed.error() == ""
    assert f"published as {hub.url}/alice/shop, which only you can see" in pushed.text()
    repository = hub.repositories["models/alice/shop"]
    files = repository.commits[-1]
    assert repository.private
    assert set(files) == {"model.safetensors", "README.md"}
    assert len(files["model.safetensors"]) > 48_000
    card = files["README.md"].decode()
    assert "numpy.arange(12_000" in card
    assert "| loss | 0.5 |" in card
    put = next(asked for asked in hub.storage.asked if asked.method == "PUT")
    assert put.headers["user-agent"].startswith("Python-urllib")  # the machine itself sent it
    assert put.authorization == ""
    there = shop.run('%%remote_gpu\nimport os\nprint("HF_TOKEN" in os.environ)')
    assert there.text() == "False\n"
    for secret in (SECRET, put.query["X-Goog-Signature"]):
        assert _holding(secret.encode(), place.state.rglob("*")) == []
        assert _holding(secret.encode(), Path("/proc").glob("[0-9]*/environ")) == []
        assert _holding(secret.encode(), Path("/proc").glob("[0-9]*/cmdline")) == []
        assert secret not in str([pushed.messages, there.messages])


def test_a_cell_that_does_not_name_it_publishes_nothing(shop: Notebook, hub: Hub) -> None:
    asked = len(hub.asked)
    hidden = shop.run('%%remote_gpu\npush_to_hub(weights, "/".join(["alice", "other"]))')
    assert hidden.ename() == "NotAvailableError"
    shop.run("%%remote_gpu\nopenly = False")
    named = shop.run('%%remote_gpu\npush_to_hub(weights, "alice/shop", private=openly)')
    assert "private=False" in named.error()
    assert len(hub.asked) == asked


def test_a_local_cell_publishes_what_came_back(shop: Notebook, hub: Hub) -> None:
    puts = _puts(hub)
    pushed = shop.run('print(push_to_hub(weights, "alice/copy"))')
    assert pushed.error() == ""
    files = hub.repositories["models/alice/copy"].commits[-1]
    card = files["README.md"].decode()
    assert "numpy.arange(12_000" in card
    assert card.count("```python") == 1 + len(["train", "setup", "push", "look", "openly", "this"])
    assert "remote_gpu" not in card.replace("- jupyter_remote_gpu", "").partition("<!--")[0]
    assert 'HF_TOKEN="***"' in card
    assert SECRET not in card
    assert "nothing" not in card
    assert _puts(hub) == puts  # the same bytes: the Hub had them already
    refused = shop.run('push_to_hub("nothing", "alice/copy")')
    assert refused.ename() == "UploadError"


def _puts(hub: Hub) -> int:
    return sum(asked.method == "PUT" for asked in hub.storage.asked)


def _holding(secret: bytes, paths: Iterable[Path]) -> list[Path]:
    """Return the files that hold a secret."""
    return [path for path in paths if secret in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""  # gone, or a process that has ended
