"""The other side in a process of its own, serving `hosts.OtherProcess` over its standard pipes."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
from typing import Any

from jupyter_remote_gpu.protocol.state import Ask, Begin, Blob, Offer, split_names
from jupyter_remote_gpu.state.away import Away
from tests.state.hosts import (
    described,
    execute,
    fresh_main,
    receive,
    send,
    warnings_printed,
    without_addresses,
)


class Server:
    """Holds the Away and answers one message at a time."""

    def __init__(self, *, ipython: bool) -> None:
        self.shell: Any = None
        if ipython:
            from IPython.core.interactiveshell import InteractiveShell
            from traitlets.config import Config

            # No history: its database belongs to whoever runs the tests.
            config = Config({"HistoryManager": {"enabled": False}})
            self.shell = InteractiveShell.instance(config=config)
            self.shell.ast_node_interactivity = "none"
        self.restart()

    def restart(self) -> None:
        if self.shell is not None:
            self.shell.reset(new_session=True)
            self.main = self.shell.user_module
        else:
            self.main = fresh_main()
        sys.modules["__main__"] = self.main
        self.away = Away(self.main.__dict__, "gpu1")

    def run(self, fields: dict[str, Any], blobs: list[memoryview]) -> tuple[dict[str, Any], Any]:
        begin = Begin.unpack(fields["begin"], blobs)
        try:
            self.away.arrive(begin)
        except Exception:
            return {"refused": traceback.format_exc()}, []
        self.away.before_run()
        if self.shell is None:
            name = f"<there-{begin.cell.number}>"
            out, error = execute(fields["source"], name, self.main.__dict__)
        else:
            out, error = self._run_in_shell(fields["source"])
        report, parts = self.away.after_run().pack()
        return {"out": out, "error": error, "report": report}, parts

    def _run_in_shell(self, source: str) -> tuple[str, str]:
        stream = io.StringIO()
        with contextlib.redirect_stdout(stream), warnings_printed():
            self.shell.showtraceback = lambda *_, **__: None
            result = self.shell.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        return without_addresses(stream.getvalue()), described(error)

    def answer(self, message: dict[str, Any], blobs: list[memoryview]) -> tuple[Any, list[Blob]]:
        verb, fields = message["verb"], message["fields"]
        if verb == "run":
            return self.run(fields, blobs)
        if verb == "offer":
            return self.away.offer(Offer.unpack(fields, blobs)).pack()
        if verb == "ask":
            return self.away.ask(Ask.unpack(fields, blobs)).pack()
        if verb == "pull":
            return {}, [chunk for _, chunk in self.away.pull(split_names(blobs[0]))]
        if verb == "supply":
            for name, chunk in zip(split_names(blobs[0]), blobs[1:], strict=True):
                self.away.landing.destination(name)[:] = chunk
                self.away.landing.received(name)
            return self.away.supplied().pack()
        if verb == "release":
            self.away.release(fields["tokens"])
        else:
            self.restart()
        return {}, []


def main() -> None:
    """Serve until the pipe closes."""
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    sys.stdout = sys.stderr
    server = Server(ipython="ipython" in sys.argv)
    while True:
        try:
            message, blobs = receive(source)
        except EOFError:
            return
        try:
            fields, parts = server.answer(message, blobs)
        except Exception:  # told to the test, which fails with it
            fields, parts = {"crash": traceback.format_exc()}, []
        send(sink, fields, parts)


if __name__ == "__main__":
    main()
