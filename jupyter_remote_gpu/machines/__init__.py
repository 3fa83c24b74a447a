"""What machine a cell asks for, which machines there are, and which of them it gets."""

from __future__ import annotations

from .choose import choose
from .embedded import EMBEDDED_NAME, embedded
from .gpus import GPU, GPUS, GPUWish, parse_gpu
from .machine import Machine
from .requests import Request, parse, split

__all__ = [
    "EMBEDDED_NAME",
    "GPU",
    "GPUS",
    "GPUWish",
    "Machine",
    "Request",
    "choose",
    "embedded",
    "parse",
    "parse_gpu",
    "split",
]
