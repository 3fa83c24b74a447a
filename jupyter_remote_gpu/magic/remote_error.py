"""A remote cell's exception, raised in the local cell as if it had happened here."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from jupyter_remote_gpu import errors
from jupyter_remote_gpu.errors import RemoteGPUError


def remote_exception(error: dict[str, Any]) -> BaseException:
    """Return the exception to raise for the description of a remote one.

    Of the same class where that can be found and made from its arguments,
    else of a stand-in with the same name; IPython shows the remote traceback,
    with the line of the cell, in place of our frames.
    """
    if "own" in error:
        return _own(error)
    if error.get("untrusted"):
        exception = _known_class(error) or _stand_in(error)
    else:
        exception = _same_class(error) or _stand_in(error)
    return shown_as(exception, list(error["traceback"]))


def shown_as(exception: BaseException, lines: list[str]) -> BaseException:
    """Let IPython show these lines for an exception in place of its frames."""
    exception._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
    return exception


def syntax_error(shell: Any, error: SyntaxError) -> BaseException:
    """Return an exception that shows a cell's syntax error as IPython shows one.

    It is no SyntaxError itself: for those IPython shows the frames of whoever
    compiled, and ignores what the exception says of itself.
    """
    lines = shell.SyntaxTB.structured_traceback(SyntaxError, error, [])
    stand_in = type("SyntaxError", (Exception,), {})(str(error))
    return shown_as(stand_in, lines)


def _own(error: dict[str, Any]) -> RemoteGPUError:
    kind = getattr(errors, error["own"], None)
    if not (isinstance(kind, type) and issubclass(kind, RemoteGPUError)):
        kind = RemoteGPUError
    found: RemoteGPUError = kind(error["message"], hint=error.get("hint"))
    return found


def _known_class(error: dict[str, Any]) -> BaseException | None:
    """Return an exception of a class that is loaded here, made without running any code of it.

    For machines that are not trusted: its `__new__` and `__init__` are left
    out, so it has its arguments and nothing else.
    """
    kind = _loaded(error["module"], error["name"])
    if kind is None or issubclass(kind, (SystemExit, RemoteGPUError)):
        return None
    of_python = (base for base in kind.__mro__ if base.__module__ == "builtins")
    builtin = next(base for base in of_python if issubclass(base, BaseException))
    try:
        made: BaseException = builtin.__new__(kind, *error["args"])
        made.args = tuple(error["args"])
        same = builtin.__str__(made) == error["value"]
        return made if same and hasattr(made, "__dict__") else None
    except Exception:
        # It needs more than its arguments: the stand-in has its name and text.
        return None


def _same_class(error: dict[str, Any]) -> BaseException | None:
    kind = _find(error["module"], error["name"])
    # To a SystemExit the local IPython would add the hint that the other one gave already.
    if kind is None or issubclass(kind, SystemExit):
        return None
    try:
        made = kind(*error["args"])
        return made if str(made) == error["value"] and hasattr(made, "__dict__") else None
    except Exception:
        # Its constructor wants something else: the stand-in has its name and text.
        return None


def _stand_in(error: dict[str, Any]) -> BaseException:
    base: type[BaseException] = Exception
    for path in error["bases"]:
        module, _, name = path.rpartition(".")
        if error.get("untrusted") and module != "builtins":
            # Inheriting runs what the class does with its heirs.
            continue
        found = _find(module, name)
        if found is not None and issubclass(found, Exception):
            base = found
            break
    body = {
        "__module__": error["module"],
        "__init__": lambda self: None,
        "__str__": lambda self: error["value"],
    }
    kind: type[BaseException]
    try:
        kind = type(error["name"], (base,), body)
        return kind()
    except TypeError:
        # A base that cannot be inherited from or made without arguments.
        kind = type(error["name"], (Exception,), body)
        return kind()


def _find(module: str, name: str) -> type[BaseException] | None:
    """Return an exception class that is known here already; nothing is imported newly
    but what the standard library has.
    """
    if module not in sys.modules and module.partition(".")[0] in sys.stdlib_module_names:
        importlib.import_module(module)
    return _loaded(module, name)


def _loaded(module: str, name: str) -> type[BaseException] | None:
    """Return an exception class of a module that is loaded already; no module's code is run."""
    # Not getattr: a module may answer for names by importing what bears them.
    found = vars(sys.modules[module]).get(name) if module in sys.modules else None
    if isinstance(found, type) and issubclass(found, BaseException):
        return found
    return None
