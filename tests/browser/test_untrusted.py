"""A machine that is not trusted, looked at in a real browser: no script of it runs in the page."""

from __future__ import annotations

import pytest

from tests.browser.notebook import Notebook

pytestmark = pytest.mark.browser

RELOAD = """
    %unload_ext jupyter_remote_gpu
    %env JUPYTER_REMOTE_GPU_TRUSTED=0
    %load_ext jupyter_remote_gpu
"""
ATTACK = """
    %%remote_gpu
    from IPython.display import HTML, SVG, Javascript, Markdown, display
    import pandas
    pwn = "window.pwned=1"
    display(HTML(f"<b>bold</b><script>{pwn}</script><img src=x onerror={pwn}>"))
    display(HTML(f"<a class='bad' href='javascript:{pwn}'>a link</a>"))
    display(SVG(
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">'
        f'<rect width="40" height="20" fill="red" onload="{pwn}"/><script>{pwn}</script></svg>'
    ))
    display(Javascript(pwn))
    display(Markdown(f"*slanted* <img src=x onerror={pwn}> [a trap](javascript:{pwn})"))
    display(HTML(f"<div style='position:fixed;inset:0' onclick={pwn}>cover</div>"))
    display({"image/svg+xml": f"<svg onload={pwn}></svg>"}, raw=True, metadata={"isolated": True})
    display(pandas.DataFrame({"a": [1, 2]}))
"""
WIDGETS = """
    %%remote_gpu
    import ipywidgets
    pwn = "<b>strong</b><img src=x onerror=window.pwned=2>"
    ipywidgets.VBox([
        ipywidgets.HTML(pwn),
        ipywidgets.IntSlider(description=pwn, description_allow_html=True),
        ipywidgets.Label("label " + pwn),
    ])
"""
PLOT = """
    %%remote_gpu
    %matplotlib inline
    import matplotlib.pyplot as plt
    _ = plt.plot([1, 2, 3])
"""


def pwned(notebook: Notebook) -> object:
    found: object = notebook.page.evaluate("() => window.pwned")
    return found


@pytest.fixture
def untrusted(notebook: Notebook) -> Notebook:
    """The notebook, with its machine treated as one that is not trusted."""
    (cell,) = notebook.add(RELOAD)
    cell.run()
    return notebook


def test_scripts_do_not_run_and_the_rest_is_seen(untrusted: Notebook) -> None:
    (cell,) = untrusted.add(ATTACK)
    cell.run()
    cell.shows("bold")
    cell.shows("slanted")
    cell.find("table.dataframe").wait_for()
    assert cell.find("em").first.inner_text() == "slanted"
    drawings = cell.find("img[src^='data:image/svg+xml']")
    drawings.first.wait_for()
    width = drawings.first.evaluate("image => image.naturalWidth")
    assert width == 40
    for anchor in cell.find("a").all():
        anchor.click(no_wait_after=True)
    cell.find("img").first.dispatch_event("error")
    for number in range(cell.find("div").count()):
        cell.find("div").nth(number).dispatch_event("click")
    assert pwned(untrusted) is None
    assert cell.find("script").count() == 0
    assert cell.find("svg image, .jp-RenderedSVG svg").count() == 0


def test_html_of_widgets_is_cleaned(untrusted: Notebook) -> None:
    (cell,) = untrusted.add(WIDGETS)
    cell.run()
    cell.find(".widget-html b").first.wait_for()
    cell.shows("strong")
    cell.find(".widget-slider").first.wait_for()
    assert pwned(untrusted) is None


def test_a_plot_is_seen(untrusted: Notebook) -> None:
    (cell,) = untrusted.add(PLOT)
    cell.run()
    picture = cell.find("img[src^='data:image/png']")
    picture.wait_for()
    assert picture.evaluate("image => image.naturalWidth") > 100


def test_the_users_yes_lets_scripts_in(untrusted: Notebook) -> None:
    # The same cell does act in the page once it may: so the test above can fail.
    yes, attack = untrusted.add("%remote_gpu allow-scripts", ATTACK)
    yes.run()
    attack.run()
    untrusted.page.wait_for_function("() => window.pwned === 1")
