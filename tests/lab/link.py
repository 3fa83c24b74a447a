"""The link between the laptop and the machine: shaped, cut and mended while it is used."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

_SOURCE = Path(__file__).with_name("wan.c")


class Link:
    """A running `wan` (see `wan.c`) between two namespaces; every order holds when it returns."""

    def __init__(self, laptop: str, gpu: str, devices: tuple[str, str]) -> None:
        self._process = subprocess.Popen(
            [program(), laptop, gpu, *devices],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._answered()

    def shape(self, *, rtt_ms: float = 0, mbit: int = 0, loss_ppm: int = 0) -> None:
        """Give the link this round trip, rate (0: unlimited) and loss; a cut stays a cut."""
        self._order(delay_us=round(500 * rtt_ms), mbit=mbit, loss_ppm=loss_ppm)

    def cut(self) -> None:
        """Drop everything from now on, and tell nobody: the lid closed, the Wi-Fi gone."""
        self._order(cut=1)

    def mend(self) -> None:
        """Let packets through again."""
        self._order(cut=0)

    def forget_idle(self, seconds: float) -> None:
        """Be a firewall that forgets connections silent for so long; 0: be none.

        Their packets are dropped without a word, in both directions.
        """
        self._order(idle_ms=round(1000 * seconds))

    def close(self) -> None:
        """End the link; its devices are gone with it."""
        assert self._process.stdin and self._process.stdout and self._process.stderr
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(timeout=5)
        self._process.stdout.close()
        self._process.stderr.close()

    def _order(self, **settings: int) -> None:
        assert self._process.stdin
        words = " ".join(f"{key}={value}" for key, value in settings.items())
        self._process.stdin.write(f"{words}\n")
        self._process.stdin.flush()
        self._answered()

    def _answered(self) -> None:
        assert self._process.stdout and self._process.stderr
        if self._process.stdout.readline() != "ok\n":
            raise RuntimeError(f"the link ended: {self._process.stderr.read()}")


@cache
def program() -> str:
    """Build `wan` once a process and return its path."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler is not None
    built = Path(tempfile.mkdtemp(prefix="rgwan-")) / "wan"
    subprocess.run([compiler, "-O2", "-o", str(built), str(_SOURCE)], check=True)
    return str(built)
