"""Remote widgets in a real local kernel; the test is its front end, over ZMQ."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.ending import end_machine
from tests.conftest import Place
from tests.magic.front_end import Page, local_kernel, texts

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def environ(place: Place) -> Iterator[dict[str, str]]:
    """The environment of a local kernel: this project, and a machine of its own."""
    root = place.notebook
    paths = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    yield {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "IPYTHONDIR": str(root / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(root / "runtime"),
        "JUPYTER_REMOTE_GPU_HOME": str(place.state / "widgets"),
        **({} if place.machine is None else place.machine.environ),
        **({} if place.trusted else {"JUPYTER_REMOTE_GPU_TRUSTED": "0"}),
    }
    end_machine(place.state / "widgets")


@pytest.fixture(scope="module")
def kernel(environ: dict[str, str]) -> Iterator[Page]:
    """One local kernel with one remote Python for all tests here."""
    with local_kernel(environ) as page:
        page.run("%load_ext jupyter_remote_gpu")
        yield page
        page.run("%unload_ext jupyter_remote_gpu")


@pytest.fixture
def page(kernel: Page) -> Page:
    """The kernel's page, without the widgets of earlier tests."""
    kernel.models.clear()
    return kernel


def test_a_slider_moved_here_is_observed_there(page: Page) -> None:
    page.run(
        """
        %%remote_gpu
        import ipywidgets
        slider, label = ipywidgets.IntSlider(value=1), ipywidgets.Label()
        def moved(change):
            label.value = f"remote {change.new}"
        slider.observe(moved, "value")
        """
    )
    slider, label = page.model("IntSliderModel"), page.model("LabelModel")
    page.update(slider, value=41)
    # Already at the local idle: that waits for the machine.
    assert label.state["value"] == "remote 41"


def test_a_slider_set_there_moves_here(page: Page) -> None:
    page.run(
        """
        %%remote_gpu
        import ipywidgets
        slider = ipywidgets.IntSlider(value=1)
        """
    )
    slider = page.model("IntSliderModel")
    page.run("%%remote_gpu\nslider.value = 7")
    assert slider.state["value"] == 7


def test_an_output_widget_captures_a_callback(page: Page) -> None:
    page.run(
        """
        %%remote_gpu
        import ipywidgets
        button, out = ipywidgets.Button(), ipywidgets.Output()
        def clicked(b):
            with out:
                print("captured")
        button.on_click(clicked)
        """
    )
    button, out = page.model("ButtonModel"), page.model("OutputModel")
    pressed = page.press(button)
    answers = page.finish(pressed)
    # The page captures what comes between: the Output hooks on the message it serves …
    aims = [
        (place, m["content"]["data"]["state"]["msg_id"])
        for place, m in enumerate(answers)
        if m["msg_type"] == "comm_msg"
        and m["content"]["comm_id"] == out.comm
        and m["content"]["data"]["method"] == "update"
        and "msg_id" in m["content"]["data"]["state"]
    ]
    printed = [place for place, m in enumerate(answers) if m["msg_type"] == "stream"]
    assert [aim for _, aim in aims] == [pressed, ""]
    assert texts(answers) == "captured\n"
    # … and what was printed answers that message, after the hook and before its end.
    assert aims[0][0] < printed[0] < aims[1][0]


def test_an_output_widget_captures_in_the_cell(page: Page) -> None:
    cell = page.start(
        """
        %%remote_gpu
        import ipywidgets
        out = ipywidgets.Output()
        with out:
            print("captured")
        """
    )
    answers = page.finish(cell)
    aims = [
        m["content"]["data"]["state"]["msg_id"]
        for m in answers
        if m["msg_type"] == "comm_msg" and "msg_id" in m["content"]["data"].get("state", {})
    ]
    assert aims == [cell, ""]
    assert texts(answers) == "captured\n"


def test_an_output_widget_captures_what_comes_after_the_local_idle(
    page: Page, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    page.run(
        f"""
        %%remote_gpu
        import ipywidgets
        button, out = ipywidgets.Button(), ipywidgets.Output()
        def clicked(b):
            with out:
                print("early")
                open({str(gate)!r}).read()
                print("late")
        button.on_click(clicked)
        """
    )
    button, out = page.model("ButtonModel"), page.model("OutputModel")
    # The kernel here is idle again, and the page captures no more, while the callback goes on.
    assert texts(page.finish(page.press(button))) == "early\n"
    assert "outputs" not in out.state or out.state["outputs"] == []
    gate.write_text("go on")
    wanted = [{"output_type": "stream", "name": "stdout", "text": "early\nlate\n"}]
    page.until(lambda: out.state.get("outputs") == wanted, "the late output")
    page.until(lambda: out.state["msg_id"] == "", "end of the callback")
    # The Output there knows it too.
    assert texts(page.run("%%remote_gpu\nprint(list(out.outputs))")) == f"{wanted}\n"


def test_a_long_callback_can_be_interrupted(page: Page) -> None:
    page.run(
        """
        %%remote_gpu
        import ipywidgets, threading
        button, out = ipywidgets.Button(), ipywidgets.Output()
        def clicked(b):
            with out:
                threading.Event().wait(60)
        button.on_click(clicked)
        """
    )
    button, out = page.model("ButtonModel"), page.model("OutputModel")
    page.finish(page.press(button))
    page.run("%remote_gpu interrupt")
    page.until(lambda: out.state.get("outputs"), "the interrupt in the callback")
    assert [o["ename"] for o in out.state["outputs"]] == ["KeyboardInterrupt"]
    assert texts(page.run("%%remote_gpu\nprint('whole')")) == "whole\n"


def test_a_button_is_heard_while_the_cell_runs(page: Page) -> None:
    subshell = page.subshell()
    if subshell is None:
        pytest.skip("this ipykernel has no subshells: a front end is heard between cells only")
    cell = page.start(
        """
        %%remote_gpu
        import ipywidgets, threading
        pressed, button = threading.Event(), ipywidgets.Button()
        def clicked(b):
            print("in the callback")
            pressed.set()
        button.on_click(clicked)
        print("running")
        print("heard:", pressed.wait(20))
        """
    )
    button = page.model("ButtonModel")
    page.until(lambda: "running" in texts(page.answers(cell)), "the cell's first line")
    press = page.press(button, subshell)
    assert texts(page.finish(cell)) == "running\nheard: True\n"
    assert texts(page.finish(press)) == "in the callback\n"


def test_bytes_travel_both_ways(page: Page) -> None:
    page.run(
        """
        %%remote_gpu
        import ipywidgets
        image = ipywidgets.Image(value=bytes(range(256)))
        """
    )
    image = page.model("ImageModel")
    assert image.state["value"] == bytes(range(256))
    sent = page.tell(
        image, {"method": "update", "state": {}, "buffer_paths": [["value"]]}, [b"\x00back\xff"]
    )
    page.finish(sent)
    assert texts(page.run("%%remote_gpu\nprint(bytes(image.value))")) == "b'\\x00back\\xff'\n"


def test_a_reloaded_page_gets_local_and_remote_widgets(page: Page) -> None:
    page.run(
        """
        import ipywidgets
        here = ipywidgets.IntText(value=5)
        """
    )
    page.run(
        """
        %%remote_gpu
        import ipywidgets
        slider = ipywidgets.IntSlider(value=1)
        image = ipywidgets.Image(value=b"picture")
        """
    )
    slider, image, here = (page.model(f"{n}Model") for n in ("IntSlider", "Image", "IntText"))
    page.update(slider, value=33)
    states = page.request_states()["states"]
    assert states[slider.comm]["model_name"] == "IntSliderModel"
    assert states[slider.comm]["model_module"] == "@jupyter-widgets/controls"
    assert states[slider.comm]["state"]["value"] == 33
    assert states[image.comm]["state"]["value"] == b"picture"
    assert states[here.comm]["state"]["value"] == 5


def test_a_closed_widget_is_forgotten(page: Page) -> None:
    page.run(
        """
        %%remote_gpu
        import ipywidgets
        slider = ipywidgets.IntSlider()
        """
    )
    slider = page.model("IntSliderModel")
    page.run("%%remote_gpu\nslider.close()")
    assert slider.closed
    assert slider.comm not in page.request_states()["states"]


def test_widgets_of_a_stopped_machine_stay_and_say_so_once(page: Page) -> None:
    page.run(
        """
        %%remote_gpu
        import ipywidgets
        slider = ipywidgets.IntSlider(value=12)
        """
    )
    slider = page.model("IntSliderModel")
    page.run("%remote_gpu stop")
    first = page.update(slider, value=13)
    again = page.update(slider, value=14)
    assert "remote Python that is gone" in texts(page.answers(first))
    assert texts(page.answers(again)) == ""
    assert page.request_states()["states"][slider.comm]["state"]["value"] == 12


def test_unloading_takes_proxies_and_target_out_again(page: Page) -> None:
    page.run("import ipywidgets; here = ipywidgets.IntText(value=5)")
    page.run("%%remote_gpu\nimport ipywidgets\nslider = ipywidgets.IntSlider()")
    slider, here = page.model("IntSliderModel"), page.model("IntTextModel")
    assert slider.comm in page.request_states()["states"]
    page.run("%unload_ext jupyter_remote_gpu")
    states = page.request_states()["states"]
    assert here.comm in states
    assert slider.comm not in states
    known = page.run(f"print({slider.comm!r} in get_ipython().kernel.comm_manager.comms)")
    assert texts(known) == "False\n"
    page.run("%load_ext jupyter_remote_gpu")
