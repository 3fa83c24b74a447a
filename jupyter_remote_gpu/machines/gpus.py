"""The GPUs people rent: their names, the names people give them, their memory.

A name is compared whole, never by a part of it: an A10 is no A100, an L4 no
L40, and a 4090 D is another card than a 4090.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jupyter_remote_gpu.errors import UnknownGPUError

from .nearest import did_you_mean, nearest

MAX_COUNT = 1024


@dataclass(frozen=True, slots=True)
class GPU:
    """One model of GPU.

    `flag` is what a user types behind `--`; `aliases` are other spellings of
    it, all in the form `_key` makes. `memory_gb` lists the sizes it is sold in.
    """

    name: str
    flag: str
    memory_gb: tuple[int, ...]
    aliases: tuple[str, ...] = ()

    @property
    def memory(self) -> str:
        """The sizes in words: "24 GB", "40 or 80 GB"."""
        return " or ".join(str(size) for size in self.memory_gb) + " GB"


@dataclass(frozen=True, slots=True)
class GPUWish:
    """So many of one GPU; `memory_gb` is set where one size of several was asked for."""

    gpu: GPU
    count: int = 1
    memory_gb: int | None = None

    def describe(self) -> str:
        """Return the wish in words: "4 × RTX 3090 (24 GB each)"."""
        size = self.gpu.memory if self.memory_gb is None else f"{self.memory_gb} GB"
        if self.count == 1:
            return f"1 × {self.gpu.name} ({size})"
        return f"{self.count} × {self.gpu.name} ({size} each)"


def _geforce(number: str, memory_gb: int, suffix: str = "") -> GPU:
    series = "GTX" if number < "2000" else "RTX"
    words, letters = (f" {suffix}", suffix.lower().replace(" ", "")) if suffix else ("", "")
    short = {"super": "s", "tisuper": "tis"}.get(letters, letters)
    flag = f"{number}{letters}"
    spellings = {flag, f"{number}{short}"}
    aliases = spellings | {f"{series.lower()}{spelling}" for spelling in spellings}
    return GPU(f"{series} {number}{words}", flag, (memory_gb,), tuple(sorted(aliases - {flag})))


GPUS: tuple[GPU, ...] = (
    # Data centre, NVIDIA
    GPU("K80", "k80", (12,)),
    GPU("P4", "p4", (8,)),
    GPU("P40", "p40", (24,)),
    GPU("P100", "p100", (16,)),
    GPU("V100", "v100", (16, 32), ("v100pcie", "v100sxm2", "v100sxm")),
    GPU("T4", "t4", (16,)),
    GPU("A2", "a2", (16,)),
    GPU("A10", "a10", (24,)),
    GPU("A10G", "a10g", (24,)),
    GPU("A16", "a16", (16,)),
    GPU("A30", "a30", (24,)),
    GPU("A40", "a40", (48,)),
    GPU("A100", "a100", (40, 80)),
    GPU("A100 PCIe", "a100-pcie", (40, 80), ("a100pci",)),
    GPU("A100 SXM", "a100-sxm", (40, 80), ("a100sxm4",)),
    GPU("L4", "l4", (24,)),
    GPU("L40", "l40", (48,)),
    GPU("L40S", "l40s", (48,)),
    GPU("H100", "h100", (80,)),
    GPU("H100 PCIe", "h100-pcie", (80,), ("h100pci",)),
    GPU("H100 SXM", "h100-sxm", (80,), ("h100sxm5", "h100hbm3")),
    GPU("H100 NVL", "h100-nvl", (94,)),
    GPU("H200", "h200", (141,), ("h200sxm",)),
    GPU("H200 NVL", "h200-nvl", (141,)),
    GPU("GH200", "gh200", (96,)),
    GPU("B200", "b200", (180,), ("b200sxm6",)),
    GPU("GB200", "gb200", (186,)),
    GPU("B300", "b300", (288,), ("b300sxm6",)),
    # Data centre, AMD
    GPU("Instinct MI100", "mi100", (32,)),
    GPU("Instinct MI210", "mi210", (64,)),
    GPU("Instinct MI250", "mi250", (128,), ("mi250x",)),
    GPU("Instinct MI300X", "mi300x", (192,), ("mi300",)),
    GPU("Instinct MI325X", "mi325x", (256,), ("mi325",)),
    GPU("Instinct MI350X", "mi350x", (288,), ("mi350",)),
    GPU("Instinct MI355X", "mi355x", (288,), ("mi355",)),
    # Workstation
    GPU("Quadro RTX 6000", "rtx6000", (24,), ("quadrortx6000", "qrtx6000")),
    GPU("Quadro RTX 8000", "rtx8000", (48,), ("quadrortx8000", "qrtx8000")),
    GPU("RTX A2000", "a2000", (6, 12), ("rtxa2000",)),
    GPU("RTX A4000", "a4000", (16,), ("rtxa4000",)),
    GPU("RTX A4500", "a4500", (20,), ("rtxa4500",)),
    GPU("RTX A5000", "a5000", (24,), ("rtxa5000",)),
    GPU("RTX A5500", "a5500", (24,), ("rtxa5500",)),
    GPU("RTX A6000", "a6000", (48,), ("rtxa6000",)),
    GPU("RTX 2000 Ada", "rtx2000ada", (16,), ("2000ada",)),
    GPU("RTX 4000 Ada", "rtx4000ada", (20,), ("4000ada",)),
    GPU("RTX 4500 Ada", "rtx4500ada", (24,), ("4500ada",)),
    GPU("RTX 5000 Ada", "rtx5000ada", (32,), ("5000ada",)),
    GPU("RTX 5880 Ada", "rtx5880ada", (48,), ("5880ada",)),
    GPU("RTX 6000 Ada", "rtx6000ada", (48,), ("6000ada",)),
    GPU("RTX PRO 4000 Blackwell", "rtxpro4000", (24,), ("pro4000",)),
    GPU("RTX PRO 4500 Blackwell", "rtxpro4500", (32,), ("pro4500",)),
    GPU("RTX PRO 5000 Blackwell", "rtxpro5000", (48, 72), ("pro5000",)),
    GPU("RTX PRO 6000 Blackwell", "rtxpro6000", (96,), ("pro6000", "rtx6000pro")),
    # Desktop
    _geforce("1070", 8),
    _geforce("1080", 8),
    _geforce("1080", 11, "Ti"),
    _geforce("1660", 6),
    _geforce("1660", 6, "Ti"),
    _geforce("2060", 6),
    _geforce("2070", 8),
    _geforce("2080", 8),
    _geforce("2080", 11, "Ti"),
    _geforce("3060", 12),
    _geforce("3060", 8, "Ti"),
    _geforce("3070", 8),
    _geforce("3070", 8, "Ti"),
    _geforce("3080", 10),
    _geforce("3080", 12, "Ti"),
    _geforce("3090", 24),
    _geforce("3090", 24, "Ti"),
    _geforce("4060", 8),
    _geforce("4060", 16, "Ti"),
    _geforce("4070", 12),
    _geforce("4070", 12, "Super"),
    _geforce("4070", 12, "Ti"),
    _geforce("4070", 16, "Ti Super"),
    _geforce("4080", 16),
    _geforce("4080", 16, "Super"),
    _geforce("4090", 24),
    _geforce("4090", 24, "D"),
    _geforce("5060", 8),
    _geforce("5060", 16, "Ti"),
    _geforce("5070", 12),
    _geforce("5070", 16, "Ti"),
    _geforce("5080", 16),
    _geforce("5090", 32),
)

_MAKERS = re.compile(r"^(?:nvidia|amd)?(?:geforce|tesla|instinct)?")


def _key(text: str) -> str:
    """Return the form in which names are compared: letters and digits, no maker."""
    return _MAKERS.sub("", re.sub(r"[\s_.-]", "", text.lower()))


_TABLE: dict[str, GPU] = {
    key: gpu for gpu in GPUS for key in (_key(gpu.flag), _key(gpu.name), *gpu.aliases)
}
FLAGS: tuple[str, ...] = tuple(gpu.flag for gpu in GPUS)

_COUNT_FIRST = re.compile(r"^(\d+)\s*[x×*]\s*(.+)$", re.IGNORECASE)
_COUNT_LAST = re.compile(r"^(.+?)\s*(?::|[x×*])\s*(\d+)$", re.IGNORECASE)
_MEMORY = re.compile(r"[\s_-](\d+)\s*gi?b?(?=$|[\s_-])", re.IGNORECASE)


def parse_gpu(text: str) -> GPUWish:
    """Return what `a100`, `4x3090`, `a100:2`, `3090x4` or `h100-80gb` asks for.

    Raises UnknownGPUError with the nearest names, or with the sizes there are
    where only the size is wrong.
    """
    for count, rest in _counts(text.strip()):
        gpu = _TABLE.get(_key(rest))
        if gpu is not None:
            return GPUWish(gpu, _checked_count(count, text))
        sized = _MEMORY.search(rest)
        gpu = _TABLE.get(_key(_MEMORY.sub("", rest, count=1)))
        if sized is not None and gpu is not None:
            memory = _checked_memory(gpu, int(sized.group(1)), text)
            return GPUWish(gpu, _checked_count(count, text), memory)
    raise unknown_gpu(text)


def is_gpu(text: str) -> bool:
    """Say whether a text names a GPU, in any spelling that `parse_gpu` takes."""
    try:
        parse_gpu(text)
    except UnknownGPUError:
        return False
    return True


def unknown_gpu(text: str) -> UnknownGPUError:
    """Return the error for a name that is not in the table, with the nearest that are."""
    candidates = nearest_gpus(text)
    known = "Known are " + ", ".join(FLAGS) + "."
    return UnknownGPUError(
        f"There is no GPU called '{text}' in the table of names.",
        hint=did_you_mean([f"--{flag}" for flag in candidates]) or known,
    )


def nearest_gpus(text: str) -> list[str]:
    """Return the flags of the GPUs whose names look like `text`."""
    rests = [_MEMORY.sub("", rest, count=1) for _, rest in _counts(text.strip())]
    # Of the ways to read a count, the one that leaves the longest name is what was meant.
    keys = nearest(_key(max(rests[1:] or rests, key=len)), _TABLE)
    return list(dict.fromkeys(_TABLE[key].flag for key in keys))


def _counts(text: str) -> list[tuple[int, str]]:
    """Return every way to take a count off a name; the name whole comes first."""
    ways = [(1, text)]
    if first := _COUNT_FIRST.match(text):
        ways.append((int(first.group(1)), first.group(2)))
    if last := _COUNT_LAST.match(text):
        ways.append((int(last.group(2)), last.group(1)))
    return ways


def _checked_count(count: int, text: str) -> int:
    if not 1 <= count <= MAX_COUNT:
        raise UnknownGPUError(
            f"'{text}' asks for {count} GPUs; a machine has between 1 and {MAX_COUNT}.",
            hint="Write the count in front: --4x3090.",
        )
    return count


def _checked_memory(gpu: GPU, memory_gb: int, text: str) -> int:
    if memory_gb not in gpu.memory_gb:
        raise UnknownGPUError(
            f"'{text}' asks for {memory_gb} GB, but the {gpu.name} has {gpu.memory}.",
            hint="Write " + " or ".join(f"--{gpu.flag}-{size}gb" for size in gpu.memory_gb) + ".",
        )
    return memory_gb
