"""The two magics."""

from __future__ import annotations

import ast
from typing import Any

from IPython.core.magic import Magics, line_cell_magic, magics_class

from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.machines import Request
from jupyter_remote_gpu.session.environment import RemotePlace
from jupyter_remote_gpu.session.outcome import Outcome
from jupyter_remote_gpu.session.summary import run_text

from . import arguments, help, verbs
from .both import run_there
from .extension import Extension, cell_count, cell_filename
from .joined import Joined
from .missing_data import asks_kaggle, missing_data_text
from .missing_file import missing_file_text
from .missing_module import missing_text
from .placing import place_all
from .remote_error import remote_exception, shown_as, syntax_error


@magics_class
class RemoteGPUMagics(Magics):
    """`%%remote_gpu` runs a cell on a machine, `%remote_gpu VERB` looks after machines."""

    shell: Any

    def __init__(self, shell: Any, extension: Extension) -> None:
        super().__init__(shell)
        self._extension = extension

    @line_cell_magic
    def remote_gpu(self, line: str, cell: str | None = None) -> Any:
        """Replaced below by the help text, which the parser's tables make."""
        try:
            return self._do(line, cell)
        except KeyboardInterrupt as stopped:
            if hasattr(stopped, "_render_traceback_"):
                raise
            # where in our code it was stopped says nothing to the user
            raise shown_as(KeyboardInterrupt(), ["KeyboardInterrupt"]) from None

    def _do(self, line: str, cell: str | None) -> Any:
        if cell is None:
            return self._carry_out(arguments.parse_line(line))
        command = arguments.parse_cell(line)
        if command.help:
            print(help.cell_help())
            return None
        if command.request.attach:
            return self._carry_out(arguments.LineCommand("attach", request=command.request))
        return self._run(command.request, cell)

    @line_cell_magic
    def both(self, line: str, cell: str | None = None) -> None:
        """Run a cell on both sides: there first, then here.

        For what no name reaches: registrations, hooks, changed modules. Of the
        names that both have, the values of here count.
        """
        if cell is not None:
            raise RequestError(
                "the cell is empty below its %%both line"
                if not cell.strip()
                else "this cell could not be run on both sides",
                hint="Write %%both as the first line of a cell, with code below it.",
            )
        run_there(self._extension, line.strip())

    def _carry_out(self, asked: arguments.LineCommand) -> Any:
        """Do what a line asks for; what it does to names is not the work of the local cell."""
        trees = self._extension.hook.close()
        try:
            return verbs.carry_out(self._extension, asked)
        finally:
            self._extension.hook.reopen(trees)

    def _run(self, request: Request, cell: str) -> None:
        extension = self._extension
        joined = extension.machines.chosen(request)
        if not cell.strip():
            raise RequestError(
                "the cell is empty below its %%remote_gpu line",
                hint="Write there what is to run on the machine; `%%remote_gpu?` shows help.",
            )
        python = self.shell.transform_cell(cell)
        count = cell_count(self.shell)
        filename = cell_filename(self.shell, python, count)
        self._check_syntax(python, filename)
        trees = extension.hook.close()
        try:
            place_all(joined, request.datasets)
            outcome = extension.run(
                joined,
                cell,
                python,
                filename,
                timeout=request.timeout_seconds,
                unguarded=request.yes,
            )
        finally:
            extension.hook.reopen(trees)
        self._after(joined, outcome, count)
        extension.tell_one_sided(joined, python, f"on {joined.name}")

    def _check_syntax(self, python: str, filename: str) -> None:
        """Raise a cell's syntax error as IPython shows it, before anything is started."""
        try:
            compile(python, filename, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError as error:
            raise syntax_error(self.shell, error) from None

    def _after(self, joined: Joined, outcome: Outcome, count: int) -> None:
        """Bind results as IPython does, pass payloads on, say what moved, raise the error."""
        self._take_result(outcome, count)
        for payload in outcome.payload:
            self.shell.payload_manager.write_payload(payload, single=False)
        text = run_text(
            joined.name,
            () if outcome.sent_shown else outcome.sent,
            outcome.unchanged,
            outcome.there,
            outcome.perhaps,
            outcome.ran_seconds,
            outcome.sync_seconds,
            threads=outcome.threads,
        )
        if text is not None and self._extension.config.show_line:
            joined.front_end.note(text)
        if outcome.error is not None:
            self._explain(joined, outcome.error)
            raise remote_exception(outcome.error)

    def _explain(self, joined: Joined, error: dict[str, Any]) -> None:
        """Say what can be done about an exception that would not have been raised here."""
        text = self._missing_data(joined, error) if asks_kaggle(error) else None
        if text is None and isinstance(joined.place, RemotePlace):
            text = missing_text(error, joined.name) or self._missing_file(joined, error)
        if text is not None and text not in self._extension.told_of_files:
            joined.front_end.note(f"{joined.name} ▸ {text}")

    def _missing_data(self, joined: Joined, error: dict[str, Any]) -> str:
        """Return what can be said of a path of Kaggle's that is not there."""
        runs = joined.session.runs()
        beside = f"{self._extension.machines.project.subfolder}/".removeprefix("/")
        data = {at.removeprefix(beside): text for at, text in runs[-1]["datasets"].items()}
        return missing_data_text(error, joined.name, data)

    def _missing_file(self, joined: Joined, error: dict[str, Any]) -> str | None:
        """Return what can be said of a file that the cell did not find there."""
        if joined.place.files is None:
            return None
        project, there = self._extension.machines.project, joined.session.workspace.folder
        left_out = joined.place.files.left_out
        return missing_file_text(error, joined.name, project.root, project.folder, there, left_out)

    def _take_result(self, outcome: Outcome, count: int) -> None:
        """`_` and `Out[n]` stand for the remote cell's result, fetched when mentioned."""
        if f"_{count}" not in outcome.bound:
            return
        names = self.shell.user_ns
        result = names[f"_{count}"]
        hook = self.shell.displayhook
        hook.___, hook.__, hook._ = hook.__, hook._, result
        names["_oh"][count] = result
        # As IPython's own hook does it: else it takes `_` for the user's and keeps off.
        self.shell.push({"_": hook._, "__": hook.__, "___": hook.___}, interactive=False)


RemoteGPUMagics.remote_gpu.__doc__ = help.cell_help()
