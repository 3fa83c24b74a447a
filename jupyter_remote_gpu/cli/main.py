"""Where `remote-gpu` and `jupyter remote-gpu` begin: Ctrl-C first, then all the rest.

Until a command has something to lose, Ctrl-C ends the program as it ends any
other: at once, and without a traceback of imports.
"""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line; the entry point of both scripts."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # loading takes a part of a second, in which one may press Ctrl-C
    from .command_table import run_command_line

    run_command_line()
