"""Which of the known machines a request gets; honest where this version has none for it."""

from __future__ import annotations

from collections.abc import Mapping

from jupyter_remote_gpu.errors import NotAvailableError, UnknownMachineError

from .embedded import EMBEDDED_NAME
from .machine import Machine
from .nearest import did_you_mean, nearest
from .requests import Request

_ONLY_OWN = "This version runs cells on this computer and on machines reached by SSH"


def choose(request: Request, known: Mapping[str, Machine], current: str = EMBEDDED_NAME) -> Machine:
    """Return the machine of `known` that serves `request`: the `current` one by default.

    Called before anything is started or sent. Raises NotAvailableError, saying
    what was understood, where a rented machine, data or a detached run is asked
    for; UnknownMachineError for a name that is not in `known`.
    """
    if request.wants_rented:
        raise NotAvailableError(
            f"Understood: {request.describe()}. {_ONLY_OWN}; it cannot rent one yet. "
            "Nothing was run, nothing was rented.",
            hint="Leave the GPU out: a plain %%remote_gpu runs the cell on the notebook's machine,"
            " and `%remote_gpu add NAME HOST` adds a GPU box of your own.",
        )
    if request.detach:
        raise NotAvailableError(
            f"Understood: {request.describe()}. This version cannot do --detach yet. "
            "Nothing was run.",
            hint="Leave --detach out.",
        )
    here = EMBEDDED_NAME if request.local or request.cpu else current
    name = here if request.machine is None else request.machine
    machine = known.get(name)
    if machine is None:
        raise _unknown(name, known)
    return machine


def _unknown(name: str, known: Mapping[str, Machine]) -> UnknownMachineError:
    names = ", ".join(known) or "none"
    suggestion = did_you_mean(nearest(name, known))
    return UnknownMachineError(
        f"There is no machine called '{name}'. Known: {names}. Nothing was run.",
        hint=suggestion or f"`%remote_gpu add {name} HOST` adds a machine that ssh reaches.",
    )
