"""Rows of cells through SSH: `ssh-noop`, `ssh-lines`, `ssh-first`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tests.lab.lab import Lab

from . import far, place
from .far import FarRemote, Served, login_seconds
from .figures import DIFFERENCE, LIMIT, RATIO, Comparison, Scale, Target, in_turn
from .first_line import CODE
from .kernel import Kernel
from .lines import LINE_CHARACTERS, LINES_TARGET, difference
from .loopback import Loopback
from .stock_server import StockServer

NOOP_ROUNDS = 10
LINES_ROUNDS = 3
FIRST_ROUNDS = 8
NOOP_TARGET = Target(DIFFERENCE, 0.008)
STOCK_TARGETS = {0: Target(RATIO, 1.0), 20: Target(RATIO, 0.62), 80: Target(RATIO, 0.55)}
"""What is left of a stock server's two round trips, by our one, at these round trips in ms."""
FIRST_RTT_MS = 20
CUT_SECONDS = 10.0
CUT_TARGET = Target(RATIO, 1.1)
NOTHING = "pass"


def measure_noop(scale: Scale) -> list[Comparison]:
    """Compare bursts of cells at three round trips with a TCP echo and a stock server."""
    with far.opened() as lab, FarRemote(lab) as remote:
        served = Served(lab, "-m", "benchmarks.loopback", "always")
        stock = StockServer(lab)
        try:
            echo = Loopback(far.raw(lab, served.port))
            found: list[Comparison] = []
            for rtt, target in STOCK_TARGETS.items():
                lab.link.shape(rtt_ms=rtt)
                taken: dict[str, list[float]] = {"session": [], "echo": [], "stock": []}
                takers = {
                    "session": _burst(lambda: remote.run(NOTHING), scale, taken["session"]),
                    "echo": _burst(lambda: echo.pull(1), scale, taken["echo"]),
                    "stock": _burst(lambda: stock.run(NOTHING), scale, taken["stock"]),
                }
                in_turn(scale.rounds or NOOP_ROUNDS, takers, warm=False)
                what, ours = f"no-op cell, {rtt} ms", taken["session"]
                found += [
                    Comparison(what, ours, "TCP echo", taken["echo"], NOOP_TARGET),
                    Comparison(what, ours, "jupyter_server, ssh -N -L", taken["stock"], target),
                ]
            return found
        finally:
            stock.close()
            served.close()


def measure_lines(scale: Scale) -> list[Comparison]:
    """Compare printing through SSH with a local kernel; then with the link cut on the way."""
    expected = [f"{i:07d}" + "x" * (LINE_CHARACTERS - 8) for i in range(scale.lines)]
    body = f"print(f'{{i:07d}}' + 'x' * {LINE_CHARACTERS - 8})"
    code = f"for i in range({scale.lines}):\n    {body}"
    slow = f"import time\n{code}\n    i % {scale.lines // 10} or time.sleep(0.1)"
    wrong: dict[str, list[str]] = {"whole": [], "cut": []}
    with place.opened() as here, far.opened() as lab, FarRemote(lab) as remote:
        lab.link.shape(rtt_ms=20)
        raw = Kernel(here.folder, here.environ(here.home()))

        def ours(code: str, kept: list[str]) -> float:
            ran = remote.run(code)
            text = difference(expected, "".join(ran.texts).splitlines())
            kept.extend([text] if text else [])
            return ran.seconds

        try:
            takers = {
                "ours": lambda: ours(code, wrong["whole"]),
                "raw": lambda: raw.run(code).seconds,
            }
            taken = in_turn(scale.rounds or LINES_ROUNDS, takers)
        finally:
            raw.close()
        seconds = 1.0 if scale.quick else CUT_SECONDS
        uncut = ours(slow, wrong["whole"])
        with _cut(lab, seconds):
            cut = ours(slow, wrong["cut"])
        due = uncut + seconds + login_seconds(lab)
    count = f"{scale.lines:,} lines through SSH"
    return [
        Comparison(
            count,
            taken["ours"],
            "raw ipykernel",
            taken["raw"],
            LINES_TARGET,
            notes=[] if wrong["whole"] else ["ours: all lines, in order, once"],
            problems=list(dict.fromkeys(wrong["whole"])),
        ),
        Comparison(
            f"{count}, {seconds:.0f} s cut",
            [cut],
            "uncut + the cut + a login",
            [due],
            CUT_TARGET,
            problems=wrong["cut"],
        ),
    ]


def measure_first(scale: Scale) -> list[Comparison]:
    """Look when the first line of a cell that goes on running is here."""
    bound = Target(LIMIT, 0.060 + FIRST_RTT_MS / 2000)
    with place.opened() as here, far.opened() as lab, FarRemote(lab) as remote:
        lab.link.shape(rtt_ms=FIRST_RTT_MS)
        raw = Kernel(here.folder, here.environ(here.home()))
        try:
            takers = {
                "ours": lambda: remote.run(CODE).first_seconds or 0.0,
                "raw": lambda: raw.run(CODE).first_seconds or 0.0,
            }
            taken = in_turn(scale.rounds or FIRST_ROUNDS, takers)
        finally:
            raw.close()
    what = f"first line, {FIRST_RTT_MS} ms"
    return [Comparison(what, taken["ours"], "raw ipykernel, local", taken["raw"], bound)]


def _burst(work: Callable[[], object], scale: Scale, kept: list[float]) -> Callable[[], float]:
    """Return a taker that does `work` again and again and keeps the time of each."""

    def take() -> float:
        work()
        for _ in range(scale.cells // 2):
            started = time.perf_counter()
            work()
            kept.append(time.perf_counter() - started)
        return 0.0

    return take


class _cut:
    """Cut the link soon after the block is entered, for so many seconds."""

    def __init__(self, lab: Lab, seconds: float) -> None:
        self._lab = lab
        self._seconds = seconds
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def _work(self) -> None:
        time.sleep(0.3)
        self._lab.link.cut()
        time.sleep(self._seconds)
        self._lab.link.mend()
