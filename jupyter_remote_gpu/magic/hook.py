"""Local cells: before one runs, what it is about to read is fetched.

An AST transformer, because only an `InputRejected` raised there keeps a cell
from running; an exception in `pre_run_cell` does not. It also sees the code
inside `%%time` and its like.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from IPython.core.error import InputRejected

from jupyter_remote_gpu.errors import RemoteGPUError
from jupyter_remote_gpu.state.hub import Fetch, Hub, LocalCell

MAGIC = "remote_gpu"
BOTH = "both"
_CELL_MAGIC_ARGUMENTS = 3


class CellRefused(InputRejected):
    """The cell was not run: something it reads could not be had."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class LocalCellHook:
    """Stands among the shell's AST transformers; `hub` decides, `fetch` moves.

    `files` waits for files that the cell reads and that still come, or raises. One
    cell may pass several times (`%%time` hands its body in again); what it
    did to the names is found out once, when the outermost has run.
    """

    def __init__(
        self, hub: Hub, fetch: Fetch, files: Callable[[ast.Module], None] = lambda tree: None
    ) -> None:
        self._hub = hub
        self._fetch = fetch
        self._files = files
        self._open: list[tuple[ast.Module, LocalCell]] = []

    def visit(self, tree: ast.Module) -> ast.Module:
        """Called by IPython with each cell's tree; returns it unchanged or refuses the cell."""
        try:
            seen = without_remote_cells(tree)
            if seen.body:
                self._hub.bring(seen, self._fetch)
                self._files(seen)
                self._open.append((seen, self._hub.before_local(seen)))
        except RemoteGPUError as error:
            raise CellRefused(f"{type(error).__name__}: {error}") from None
        except KeyboardInterrupt:
            raise CellRefused(
                "KeyboardInterrupt: this cell was not run; nothing has changed"
            ) from None
        except Exception as error:
            # IPython would drop a transformer that raises anything else, and the
            # two namespaces would part without a word.
            raise CellRefused(
                f"This cell was not run: {type(error).__name__}: {error}, while working out"
                " what it reads. Please report this; `%unload_ext jupyter_remote_gpu` runs"
                " cells without us."
            ) from error
        return tree

    def after_cell(self, result: Any) -> None:
        """Called by IPython when a cell has run: take note of what it changed."""
        self.close()

    def close(self) -> list[ast.Module]:
        """Take note of what the cells under way changed so far; return their trees."""
        trees = []
        while self._open:
            tree, before = self._open.pop()
            self._hub.after_local(before)
            trees.append(tree)
        return trees[::-1]

    def reopen(self, trees: list[ast.Module]) -> None:
        """Watch the same cells on, after a remote cell that ran inside them."""
        for tree in trees:
            self._open.append((tree, self._hub.before_local(tree)))


def without_remote_cells(tree: ast.Module) -> ast.Module:
    """Return a tree without the calls that run a remote cell: its text is not local code.

    The calls IPython makes of `%%remote_gpu` and of cell magics above it. What
    `part = %remote_gpu eval …` binds is bound here all the same.
    """
    if not any(_is_remote_cell(statement) for statement in tree.body):
        return tree
    body: list[ast.stmt] = []
    for statement in tree.body:
        if not _is_remote_cell(statement):
            body.append(statement)
        elif isinstance(statement, ast.Assign):
            nothing = ast.copy_location(ast.Constant(None), statement.value)
            targets = statement.targets
            body.append(ast.copy_location(ast.Assign(targets, nothing), statement))
    return ast.Module(body=body, type_ignores=tree.type_ignores)


def _is_remote_cell(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, (ast.Expr, ast.Assign)) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    texts = [a.value for a in call.args if isinstance(a, ast.Constant)]
    if call.func.attr == "run_line_magic":
        return texts[:1] in ([MAGIC], [BOTH])
    if call.func.attr != "run_cell_magic" or len(texts) != _CELL_MAGIC_ARGUMENTS:
        return False
    name, _, body = texts
    return name == MAGIC or str(body).lstrip().startswith(f"%%{MAGIC}")
