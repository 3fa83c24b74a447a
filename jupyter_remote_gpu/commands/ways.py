"""How a machine is reached, from what is remembered of it and the user's settings."""

from __future__ import annotations

from jupyter_remote_gpu.errors import UnknownMachineError
from jupyter_remote_gpu.machines import Machine
from jupyter_remote_gpu.machines.known import KnownMachine
from jupyter_remote_gpu.machines.registry import Registry
from jupyter_remote_gpu.machines.ssh.known_agent import KnownAgent
from jupyter_remote_gpu.machines.ssh.reaching import ReachedMachine
from jupyter_remote_gpu.protocol.steps import Told
from jupyter_remote_gpu.transport.local import LocalTransport
from jupyter_remote_gpu.transport.ssh.channel import SSHTarget
from jupyter_remote_gpu.transport.ssh.transport import SSHTransport

from .settings import Settings

BRIEF_SECONDS = 3
"""How long a short look waits for a host to answer at all."""


def local(settings: Settings) -> LocalTransport:
    """Return the way to the embedded machine's agent, which is started where there is none."""
    return LocalTransport(settings.home, python=settings.python, wrapper=list(settings.wrapper))


def as_machine(machine: KnownMachine) -> Machine:
    """Return an added machine as requests are answered with it."""
    return Machine(machine.name, "ssh", machine.trusted, host=machine.host)


def target(machine: KnownMachine, settings: Settings) -> SSHTarget:
    """Return what ssh is told for a machine."""
    return SSHTarget(machine.host, machine.options, settings.ssh)


def agent_of(machine: KnownMachine) -> KnownAgent | None:
    """Return where a machine's agent was found, None if it was not reached yet."""
    return None if machine.agent is None else KnownAgent.unpack(dict(machine.agent))


def reached(
    machine: KnownMachine, settings: Settings, registry: Registry, told: Told
) -> ReachedMachine:
    """Return the way to a machine, which is made ready where it is not.

    What the visit finds is remembered, unless the machine is forgotten meanwhile.
    """

    def remember(found: KnownAgent) -> None:
        try:
            registry.change(machine.name, agent=found.pack())
        except UnknownMachineError:
            return  # not added yet, or forgotten: whoever adds it asks for `known`

    return ReachedMachine(
        target(machine, settings),
        machine.token,
        settings.cache,
        told,
        agent_of(machine),
        remember,
    )


def brief(machine: KnownMachine, settings: Settings) -> SSHTransport | None:
    """Return a way for a short look, which makes nothing ready; None if nothing is there."""
    agent = agent_of(machine)
    if agent is None:
        return None
    options = ("-o", f"ConnectTimeout={BRIEF_SECONDS}", *machine.options)
    return SSHTransport(SSHTarget(machine.host, options, settings.ssh), agent.agent, machine.token)
