"""Data that are fetched, as a user sees it in a real browser: how far, how fast, and stopping."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from tests.browser.notebook import Notebook
from tests.browser.test_moves import keep_picture
from tests.datasets.emulators.serving import serving
from tests.datasets.emulators.storage import Storage

pytestmark = pytest.mark.browser
MEGABYTES = 40
PACE = re.compile(r"downloading rows\.bin, [\d.]+ MB of 41\.9 MB, [\d.]+ [KM]B/s, \d+ s left")


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    """A server far away, with a file."""
    with serving(one := Storage()):
        one.signs = False
        one.put("/rows.bin", os.urandom(MEGABYTES << 20))
        yield one


def test_a_download_is_watched_stopped_and_goes_on(notebook: Notebook, storage: Storage) -> None:
    address = f"{storage.url}/rows.bin"
    fetch, again, listed, use = notebook.add(
        f"%remote_gpu data {address}",
        f'%%remote_gpu\nrows = dataset("{address}") / "rows.bin"',
        "%remote_gpu data",
        "%%remote_gpu\nprint(rows.stat().st_size)",
    )
    storage.pace = 1_000_000
    fetch.start()
    fetch.shows(PACE)
    keep_picture(notebook, "data-fetching")
    notebook.interrupt()
    fetch.finish()
    fetch.shows("stopped; what was fetched is kept, and goes on when it is asked for again")
    assert "jupyter_remote_gpu" not in fetch.output.inner_text()
    listed.run()
    listed.shows("unfinished")
    again.start()
    again.shows(PACE)
    # what a cell shows later goes to the page that started it; the download goes on
    notebook.save_and_reload()
    storage.pace = 0
    use.run()
    use.shows(str(MEGABYTES << 20))
    begins = [one.headers["range"] for one in storage.asked if "bytes=0-" in one.headers["range"]]
    assert begins == ["bytes=0-0", "bytes=0-1048575"]
    keep_picture(notebook, "data-fetched")
