"""What the first look at a machine found, and whether it can be used at all."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from jupyter_remote_gpu.errors import AgentStartError

LEAST_PYTHON = (3, 10)
LATEST_PYTHON = (3, 13)
SKEW_SECONDS = 60
LEAST_GPU_BYTES = 2 << 30
"""A graphics unit of less memory is a processor's own, for screens."""
_PROCESSORS = {"arm64": "aarch64", "amd64": "x86_64", "x86_64": "x86_64", "aarch64": "aarch64"}
_GLIBCS = (17, 28, 31, 34, 35, 36, 37, 38, 39, 40)
"""The minors of glibc that uv names platforms by."""


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter of the machine, and the torch that is installed for it, if any.

    `torch` is its version ("2.5.1+cu124"), `torch_build` what it was built for
    ("cuda 12.4", "rocm 6.2", "cpu"); `prefix` tells environments apart.
    """

    version: tuple[int, int]
    path: str
    prefix: str = ""
    torch: str | None = None
    torch_build: str | None = None


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU of the machine; `memory_bytes` is 0 where nobody told."""

    name: str
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found. `libc` is ("glibc", 2, 36) or ("musl", 1, 2); sizes in bytes.

    `there` are the folders of ours that are installed, as paths below `base`
    ("agents/1f…", "parts/site-…"). `driver` is what computes on the GPUs and
    its version: "cuda 550.54.14", "rocm 6.2.0", or None. `skew_seconds` is how
    far the machine's clock is ahead of ours.
    """

    system: str
    processor: str
    libc: tuple[str, int, int]
    base: str
    free: int
    there: frozenset[str] = frozenset()
    pythons: tuple[Python, ...] = ()
    gpus: tuple[Gpu, ...] = ()
    driver: str | None = None
    skew_seconds: int = 0

    @property
    def platform(self) -> str:
        """Return the machine's platform as `uv pip --python-platform` names it."""
        kind, major, minor = self.libc
        if kind == "musl":
            return f"{self.processor}-unknown-linux-musl"
        fits = [m for m in _GLIBCS if (2, m) <= (major, minor)]
        return f"{self.processor}-manylinux_2_{fits[-1]}"

    def python(self) -> Python | None:
        """Return the interpreter an agent can run with: the newest that is supported."""
        fit = [p for p in self.pythons if LEAST_PYTHON <= p.version <= LATEST_PYTHON]
        return max(fit, key=lambda p: p.version, default=None)

    def with_torch(self) -> tuple[Python, ...]:
        """Return the interpreters of the image that have torch, newest torch first."""
        found = [p for p in self.pythons if p.torch and p.version >= LEAST_PYTHON]
        return tuple(sorted(found, key=lambda p: _release(p.torch or ""), reverse=True))

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the user should know, in sentences."""
        if abs(self.skew_seconds) <= SKEW_SECONDS:
            return ()
        way = "ahead of" if self.skew_seconds > 0 else "behind"
        return (
            f"its clock is {abs(self.skew_seconds)} s {way} this computer's: downloads and"
            " certificates fail on machines whose clock is wrong",
        )


def read_probe(host: str, output: str) -> Probe:
    """Return what a look printed; AgentStartError for a machine that can never be used."""
    found: dict[str, list[str]] = {}
    for line in output.splitlines():
        key, equals, value = line.partition("=")
        if equals and value:
            found.setdefault(key, []).append(value)
    system, processor = found.get("system", [""])[0], found.get("processor", [""])[0]
    if system != "Linux":
        raise AgentStartError(
            f"{host} runs {system or 'an unknown system'}; machines must run Linux",
            hint="On Windows, WSL is a Linux that works.",
        )
    if "base" not in found:
        raise AgentStartError(
            f"there is no folder on {host} that could be used:"
            f" {'; '.join(found.get('unusable', ['none was found']))}",
            hint="Set XDG_DATA_HOME there to a folder of yours on a disk that allows programs.",
        )
    if "lacks" in found:
        raise AgentStartError(
            f"{host} has no {' and no '.join(found['lacks'])}, which unpacking needs",
            hint="Ask whoever looks after the machine to install it.",
        )
    base = found["base"][0]
    driver, gpus = _gpus(found)
    clock = _count(found, "clock")
    return Probe(
        system=system,
        processor=_processor(host, processor, found.get("bits", ["64"])[0]),
        libc=_libc(host, found.get("libc", [""])[0]),
        base=base,
        free=1024 * _count(found, "free"),
        there=frozenset(path.removeprefix(f"{base}/") for path in found.get("there", ())),
        pythons=_pythons(found.get("python", [])),
        gpus=gpus,
        driver=driver,
        skew_seconds=round(clock - time.time()) if clock else 0,
    )


def _count(found: dict[str, list[str]], key: str) -> int:
    text = found.get(key, ["0"])[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _processor(host: str, text: str, bits: str) -> str:
    known = _PROCESSORS.get(text)
    if known is None or bits == "32":
        system = f"a 32-bit system on {text}" if known else f"a processor of the kind {text}"
        raise AgentStartError(
            f"{host} has {system}, for which packages are not published ready-made",
            hint="Machines need x86_64 or aarch64 (arm64), with a 64-bit system.",
        )
    return known


def _libc(host: str, text: str) -> tuple[str, int, int]:
    version = re.search(r"(\d+)\.(\d+)", text)
    if "musl" in text:
        return ("musl", *_numbers(version)) if version else ("musl", 1, 2)
    if version is None:
        raise AgentStartError(
            f"the C library of {host} could not be told: {text or 'it has no getconf and no ldd'}",
            hint="Machines need glibc 2.17 or newer, or musl 1.2.",
        )
    major, minor = _numbers(version)
    if (major, minor) < (2, 17):
        raise AgentStartError(
            f"{host} has glibc {major}.{minor}, which is too old for today's packages",
            hint="glibc 2.17 (of 2012) is the oldest that works: a newer system is needed.",
        )
    return "glibc", major, minor


def _numbers(version: re.Match[str]) -> tuple[int, int]:
    return int(version[1]), int(version[2])


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0]))


def _pythons(lines: list[str]) -> tuple[Python, ...]:
    """Read `version|path|prefix|torch|cuda|hip`; the same interpreter may come twice."""
    found: dict[str, Python] = {}
    for line in lines:
        version, _, rest = line.partition("|")
        fields = rest.split("|")
        match = re.fullmatch(r"(\d+)\.(\d+)", version)
        if match is None or len(fields) != 5 or not fields[0]:
            continue
        path, prefix, torch, cuda, hip = fields
        build = f"rocm {hip}" if hip else f"cuda {cuda}" if cuda else "cpu"
        python = Python(_numbers(match), path, prefix, torch or None, build if torch else None)
        found.setdefault(prefix or path, python)
    return tuple(sorted(found.values(), key=lambda p: (p.version, p.path)))


def _gpus(found: dict[str, list[str]]) -> tuple[str | None, tuple[Gpu, ...]]:
    """Return the driver and the GPUs; of two makers' NVIDIA's: an environment has one torch."""
    # memory is [N/A] where GPU and processor share it
    pattern = r"(.+), (?:(\d+)|\[.*\]), ([\d.]+)"
    nvidia = [re.fullmatch(pattern, line.strip()) for line in found.get("nvidia", ())]
    known = [match for match in nvidia if match is not None]
    if known:
        gpus = tuple(Gpu(match[1].strip(), int(match[2] or 0) << 20) for match in known)
        return f"cuda {known[0][3]}", gpus
    cards = []
    release = ""
    for line in found.get("amd", ()):
        name, memory, release = [*line.split("|"), "", ""][:3]
        if memory.isdigit() and int(memory) >= LEAST_GPU_BYTES:
            cards.append(Gpu(name or "AMD GPU", int(memory)))
    version = re.match(r"[\d.]+", release)
    return (f"rocm {version[0]}" if version else "rocm", tuple(cards)) if cards else (None, ())
