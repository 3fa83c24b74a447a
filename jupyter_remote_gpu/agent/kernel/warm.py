"""A parent that has imported what takes long, and forks kernels in milliseconds.

Run by `launch.py --warm FD` in an environment's own Python. It is single
threaded, makes no ZMQ context and no CUDA call, so that its children start
clean. Over the inherited socket, one JSON object a line:

    it says   {"state": "ready", "loaded": [...]}
    it hears  {"place": {...}, "folder": ..., "log": ...}
    it says   {"started": PID}, later {"ended": PID, "status": WAIT_STATUS}

It ends when the agent closes the socket; kernels that it forked go on.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import random
import select
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

LOADED = ("numpy", "torch")
"""Imported where the environment has them; everything else is the user's to ask for."""
REQUEST_BYTES = 1 << 16
LEASH_SECONDS = 1.0


def serve_warm(fd: int) -> None:
    """Load, then fork a kernel for each request; returns only in a forked child."""
    control = socket.socket(fileno=fd)
    importlib.import_module("jupyter_remote_gpu.agent.kernel.app")
    loaded = [name for name in LOADED if importlib.util.find_spec(name) is not None]
    for name in loaded:
        importlib.import_module(name)
    # What is here now is never garbage; children then share these pages for good.
    gc.collect()
    gc.freeze()
    wake, signalled = os.pipe()
    os.set_blocking(signalled, False)
    signal.set_wakeup_fd(signalled)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    _say(control, {"state": "ready", "loaded": loaded})
    heard = b""
    while True:
        ready, _, _ = select.select([control.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, 512)
            _reap(control)
        if control.fileno() not in ready:
            continue
        data = control.recv(REQUEST_BYTES)
        if not data:
            raise SystemExit(0)
        heard += data
        while b"\n" in heard:
            line, _, heard = heard.partition(b"\n")
            request = json.loads(line)
            pid = os.fork()
            if pid == 0:
                control.close()
                os.close(wake)
                os.close(signalled)
                _become_kernel(request)
                return
            _say(control, {"started": pid})


def _become_kernel(request: dict[str, Any]) -> None:
    """In the child: be what a freshly started kernel process is, then serve."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.chdir(request["folder"])
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    _renew_random_states()
    from .app import KernelPlace, serve
    from .kernel import RemoteKernel

    parent = os.getppid()
    threading.Thread(
        target=_end_with, args=(parent, RemoteKernel.settled), name="leash", daemon=True
    ).start()
    place = {name: Path(value) for name, value in request["place"].items() if name != "kernel"}
    serve(KernelPlace(kernel=request["place"]["kernel"], **place))


def _end_with(parent: int, settled: threading.Event) -> None:
    """End a kernel that is still to spare when its parent, and so its agent, is gone."""
    while not settled.wait(LEASH_SECONDS):
        if os.getppid() != parent:
            os._exit(0)


def _renew_random_states() -> None:
    """Give the child seeds of its own, as a fresh process would have."""
    seed = time.time_ns() ^ (os.getpid() << 20)
    random.seed(seed)
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        numpy.random.seed(seed % (1 << 32))
    if torch is not None:
        # A fresh process has this fixed default, and notebooks may lean on it.
        torch.default_generator.manual_seed(torch.initial_seed())


def _reap(control: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _say(control, {"ended": pid, "status": status})


def _say(control: socket.socket, what: dict[str, Any]) -> None:
    control.sendall(json.dumps(what).encode() + b"\n")
