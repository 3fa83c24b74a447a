"""A JupyterLab and a Chromium for tests; skipped, with the reason, where there is none."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.lab import Lab

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.notebook import Notebook

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",  # Chromium refuses to run as root with one
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
]
CHROMIUM_VARIABLE = "JUPYTER_REMOTE_GPU_CHROMIUM"
_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Note that a test failed, for the fixture that takes the picture."""
    report = yield
    if report.when == "call" and report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; skips where it, its driver or JupyterLab is missing."""
    pytest.importorskip("playwright", reason="the Python package playwright is not installed")
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    told = os.environ.get(CHROMIUM_VARIABLE)
    path = told or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no Chromium: none of {', '.join(BROWSERS)} is installed")
    return path


@pytest.fixture(scope="session")
def lab(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab for all browser tests."""
    found = Lab(tmp_path_factory.mktemp("lab"))
    yield found
    found.stop()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium a module: while it is open, asyncio can do nothing else in this thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        yield found
        found.close()


class Desk:
    """Lends a module's tests one open notebook, and a fresh one after a failure."""

    def __init__(self, lab: Lab, browser: Browser, name: str) -> None:
        self._lab = lab
        self._browser = browser
        self._names = (f"{name}-{number}.ipynb" for number in itertools.count(1))
        self._notebook: Notebook | None = None

    def notebook(self) -> Notebook:
        """Return the open notebook."""
        from tests.browser.notebook import Notebook

        if self._notebook is None:
            page = self._browser.new_page(viewport={"width": 1280, "height": 900})
            self._notebook = Notebook(self._lab, page, next(self._names))
        return self._notebook

    def clear(self) -> None:
        """Close the notebook and end its kernel: one left running slows the tests that follow."""
        if self._notebook is not None:
            self._notebook.page.close()
            self._notebook = None
        self._lab.end_sessions()


@pytest.fixture(scope="module")
def desk(lab: Lab, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """The place where a module's tests find their notebook."""
    found = Desk(lab, browser, request.node.path.stem)
    yield found
    found.clear()


@pytest.fixture
def notebook(
    desk: Desk, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Notebook]:
    """A notebook in JupyterLab, to add cells to; a failed test leaves a picture of it behind."""
    found = desk.notebook()
    yield found
    if request.node.stash.get(_FAILED, False):
        folder = tmp_path_factory.getbasetemp() / "pictures"
        folder.mkdir(exist_ok=True)
        path = folder / f"{request.node.name}.png"
        found.page.screenshot(path=str(path))
        request.node.add_report_section("teardown", "picture of the page", str(path))
        desk.clear()
