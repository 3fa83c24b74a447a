"""A notebook as its user sees it: cells to run, and what appears below them."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import TYPE_CHECKING

from tests.browser.lab import Lab

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

OPEN_MS = 60_000
RUN_MS = 30_000
READY_MS = 180_000
"""A machine that was never used gets all it needs first."""

_CONNECTED = """() => {
    const kernel = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel;
    return kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
_APPEND = """(sources) => {
    const cells = window.jupyterapp.shell.currentWidget.content.model.sharedModel;
    const before = cells.cells.length;
    const made = sources.map(source => ({cell_type: 'code', metadata: {}, outputs: [], source}));
    cells.insertCells(before, made);
    return before;
}"""
_SAVED = "() => !window.jupyterapp.shell.currentWidget.context.model.dirty"


def await_text(place: Locator, text: str | re.Pattern[str], within_ms: int = RUN_MS) -> None:
    """Wait until a text stands somewhere in a place of the page."""
    # Only here: where there is no playwright, the tests are collected and skipped.
    from playwright.sync_api import expect

    expect(place).to_contain_text(text, timeout=within_ms)


class Cell:
    """One code cell; everything asserted is asserted in `output`, never in its source."""

    def __init__(self, page: Page, number: int) -> None:
        self.page = page
        self.box = page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        self.output = self.box.locator(".jp-Cell-outputWrapper")
        self.prompt = self.box.locator(".jp-InputArea-prompt")

    def start(self) -> None:
        """Run it as its user does, and return at once."""
        self.box.locator(".jp-Editor").click()
        self.page.keyboard.press("Control+Enter")

    def finish(self, within_ms: int = RUN_MS) -> None:
        """Wait until it has run."""
        await_text(self.prompt, re.compile(r"\[\d+\]:"), within_ms)

    def run(self) -> None:
        """Run it and wait until it has run."""
        self.start()
        self.finish()

    def shows(self, text: str | re.Pattern[str]) -> None:
        """Wait until a text stands in its outputs."""
        await_text(self.output, text)

    def texts(self) -> list[str]:
        """Return the texts of its outputs, in order."""
        found = self.output.locator(".jp-OutputArea-output").all_inner_texts()
        return [text.strip() for text in found]

    def find(self, selector: str) -> Locator:
        """Return what matches a selector in its outputs."""
        return self.output.locator(selector)


class Notebook:
    """A notebook open in a page of the browser, its kernel connected, our extension loaded."""

    def __init__(self, lab: Lab, page: Page, name: str) -> None:
        self.page = page
        lab.write(name, ["%load_ext jupyter_remote_gpu"])
        page.goto(lab.address(name))
        self.await_kernel()
        Cell(page, 0).run()

    def add(self, *sources: str) -> list[Cell]:
        """Append cells; they are not run."""
        texts = [dedent(source).strip() for source in sources]
        first = self.page.evaluate(_APPEND, texts)
        return [Cell(self.page, first + place) for place in range(len(texts))]

    def save_and_reload(self) -> None:
        """Reload the page, as a user does who comes back; a busy kernel is not waited for."""
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function(_SAVED, timeout=RUN_MS)
        self.page.reload()
        self._await_cells()

    def await_kernel(self) -> None:
        """Wait until the kernel is idle and connected: the page alone says `idle` too early."""
        self._await_cells()
        self.page.wait_for_function(_CONNECTED, timeout=OPEN_MS)

    def _await_cells(self) -> None:
        cells = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell"
        self.page.locator(cells).first.wait_for(timeout=OPEN_MS)

    def interrupt(self) -> None:
        """Press the stop button of the toolbar."""
        self.page.locator("[data-jp-item-name='interrupt'] jp-button").first.click()
