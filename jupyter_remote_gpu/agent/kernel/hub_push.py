"""`push_to_hub(model, "me/name")` in a remote cell: the bytes go out from this machine.

The notebook has the token: it is asked for links to where the bytes go, and makes
the commit.
"""

from __future__ import annotations

import builtins
import html
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from IPython.core.getipython import get_ipython

NAME = "push_to_hub"


class HubPush:
    """What the name `push_to_hub` does in a kernel.

    `ask` puts a question to the notebook and returns its answer, a line of JSON;
    it blocks, and a KeyboardInterrupt ends the wait.
    """

    def __init__(self, ask: Callable[[dict[str, Any]], str]) -> None:
        self._ask = ask

    def install(self) -> None:
        """Let every cell find `push_to_hub`, as it finds `print`."""
        if not hasattr(builtins, NAME):
            setattr(builtins, NAME, self.push_to_hub)

    def push_to_hub(
        self,
        what: Any,
        repo: str,
        *,
        private: bool = True,
        metrics: Mapping[str, Any] | None = None,
    ) -> str:
        """Publish weights as OWNER/NAME on the Hugging Face Hub, from here; return the page.

        `what` is a model, a state dict, a file or a folder; `metrics` stand in the
        model card. Nobody else sees it unless `private=False`. What the Hub has
        already is not sent again. Raises DatasetError and its kin.
        """
        # Loaded when something is first published.
        from .outgoing import push

        line = _Line(print)
        return push(what, repo, self._answered, private=private, metrics=metrics, show=line.show)

    def _answered(self, question: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._ask(question))
        return answer


class _Line:
    """An output of the cell that says how far the work is, and then what came of it."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._display = ""

    def show(self, text: str, done: float) -> None:
        """Show or update it (a `sending.Show`); quick work only says what came of it."""
        shell: Any = get_ipython()
        if shell is None or (done >= 1 and not self._display):
            self._say(text)
            return
        bar = f'<progress value="{done:.4f}" style="width:12em;vertical-align:middle"></progress> '
        small = f'<small style="opacity:.65">{html.escape(text, quote=False)}</small>'
        update, self._display = bool(self._display), self._display or f"push-{uuid.uuid4().hex}"
        shell.display_pub.publish(
            data={"text/plain": text, "text/html": (bar if done < 1 else "") + small},
            metadata={},
            transient={"display_id": self._display},
            update=update,
        )
