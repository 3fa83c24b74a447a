"""A real notebook whose machine is a lying agent: it stays whole, whatever the machine says."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.notebook import Notebook, Shown

AGENT = Path(__file__).with_name("lying_agent.py")
END_SECONDS = 10.0


class Victim(Notebook):
    """A notebook that takes the lying agent for its machine."""

    def lie(self, name: str, **options: str) -> Shown:
        """Run a remote cell that names a lie; afterwards a local cell must still run."""
        shown = self.remote(repr(name), **options)
        after = self.run("6 * 7")
        assert after.displays() == [{"text/plain": "42"}]
        return shown


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    base = tmp_path_factory.mktemp("lies")
    (base / "notebook").mkdir()
    settings = {
        "JUPYTER_REMOTE_GPU_TRUSTED": "0",
        "JUPYTER_REMOTE_GPU_WRAPPER": f"{sys.executable} {AGENT}",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        found = Victim(base / "state", base / "notebook")
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    yield found
    found.close()
    _end(base / "state" / "lying-agent")


def _end(stays: Path) -> None:
    """Let the lying agent end, and see that it did."""
    pid = int(stays.read_text())
    stays.unlink()
    deadline = time.monotonic() + END_SECONDS
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "the lying agent goes on"
        time.sleep(0.05)


def everything(shown: Shown) -> str:
    """All that reached the front end, as text."""
    return "\n".join(str(message["content"]) for message in shown.messages)


def test_an_honest_cell_runs(victim: Victim) -> None:
    assert victim.lie("honest").text() == "honest\n"


def test_no_script_reaches_the_page(victim: Victim) -> None:
    shown = victim.lie("scripts")
    displays = shown.displays()
    assert displays[0]["text/html"] == "<b>bold</b><img>"
    for data in displays:
        html = data.get("text/html", "")
        assert "pwned" not in html.replace("data:image/svg+xml;base64,", "")
        assert "application/javascript" not in data
        assert "image/svg+xml" not in data
        assert "image/png" not in data
        assert "<script" not in data.get("text/markdown", "")
        assert r"\href" not in data.get("text/latex", "")
    assert "isolated" not in everything(shown)
    assert "not trusted" in shown.line()


def test_no_escape_sequence_reaches_a_terminal(victim: Victim) -> None:
    shown = victim.lie("escapes")
    told = everything(shown)
    for part in ("\\x1b]", "\x1b]", "ZXZpbA", "\x07"):
        assert part not in told
    assert "out" in shown.text() and "err" in shown.text("stderr")
    assert shown.status == "error"
    assert victim.run("import sys; 'antigravity' in sys.modules").displays() == [
        {"text/plain": "False"}
    ]


def test_displays_of_others_are_not_updated(victim: Victim) -> None:
    victim.run("from IPython.display import display; display('mine', display_id='local-display')")
    shown = victim.lie("foreign_displays")
    updates = [m for m in shown.messages if m["msg_type"] == "update_display_data"]
    assert all(
        m["content"]["transient"]["display_id"] != "local-display"
        and m["content"]["transient"]["display_id"].endswith("_local-display")
        for m in updates
    )


LOCAL_COMM = """
import ipywidgets
from ipywidgets import Text
local = Text('mine')
import comm
manager = get_ipython().kernel.comm_manager
manager.comms['local-comm'] = local.comm
"""


def test_comms_of_others_are_neither_opened_nor_written_to(victim: Victim) -> None:
    victim.run(LOCAL_COMM)
    shown = victim.lie("foreign_comms")
    assert [m for m in shown.messages if m["msg_type"].startswith("comm_")] == []
    found = victim.run("manager.comms['local-comm'] is local.comm, local.value, len(manager.comms)")
    assert found.displays()[0]["text/plain"].startswith("(True, 'mine'")


def test_broken_widgets_break_nothing(victim: Victim) -> None:
    shown = victim.lie("broken_comms")
    kinds = [m["msg_type"] for m in shown.messages if m["msg_type"].startswith("comm_")]
    assert kinds == ["comm_open"]
    assert shown.status == "ok"


def test_orders_to_the_notebook_are_left_out(victim: Victim) -> None:
    replies: list[object] = []
    shown = victim.remote("'orders'")
    reply = victim.client.execute_interactive(
        "%%remote_gpu\n'orders'", output_hook=lambda message: None, timeout=60
    )
    replies.append(reply["content"].get("payload"))
    assert replies == [[]]
    assert "orders to change the notebook" in shown.line()


def test_a_prompt_names_the_machine(victim: Victim) -> None:
    prompts: list[str] = []

    def answer(message: dict[str, Any]) -> None:
        prompts.append(message["content"]["prompt"])
        victim.client.input("x")

    reply = victim.client.execute_interactive(
        "%%remote_gpu\n'asks_for_a_password'",
        output_hook=lambda message: None,
        stdin_hook=answer,
        allow_stdin=True,
        timeout=60,
    )
    assert reply["content"]["status"] == "ok"
    assert prompts == ["embedded ▸ \nembedded ▸ [sudo] password for you: "]


def test_an_error_of_ours_is_marked_as_the_machines_word(victim: Victim) -> None:
    shown = victim.lie("own_error")
    assert "embedded says: m" in shown.error()
    assert "\x1b]" not in everything(shown)


@pytest.mark.parametrize("lie", ["wrong_types", "numbers_jump", "oversize", "report_that_is_none"])
def test_nonsense_is_a_clear_error_and_restart_helps(victim: Victim, lie: str) -> None:
    shown = victim.lie(lie)
    assert shown.ename() == "ProtocolError"
    victim.run("%remote_gpu restart")
    assert victim.lie("honest").text() == "honest\n"


def test_late_output_is_bounded_and_its_loss_told(victim: Victim) -> None:
    victim.lie("late_flood")
    deadline = time.monotonic() + 30
    told = ""
    while "too much to keep" not in told:
        assert time.monotonic() < deadline
        told += victim.remote("'honest'").line()
