"""GPU names: what people write is found, what only looks alike is not."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.errors import UnknownGPUError
from jupyter_remote_gpu.machines import GPU, GPUS, parse_gpu
from jupyter_remote_gpu.machines.gpus import _key


@pytest.mark.parametrize(
    ("text", "name", "count", "memory_gb"),
    [
        ("a100", "A100", 1, None),
        ("4x3090", "RTX 3090", 4, None),
        ("3090x4", "RTX 3090", 4, None),
        ("4 x 3090", "RTX 3090", 4, None),
        ("a100:2", "A100", 2, None),
        ("h100-80gb", "H100", 1, 80),
        ("a100-80gb:8", "A100", 8, 80),
        ("A100_40GB", "A100", 1, 40),
        ("v100-32g", "V100", 1, 32),
        ("NVIDIA A100 80GB PCIe", "A100 PCIe", 1, 80),
        ("NVIDIA GeForce RTX 3090 Ti", "RTX 3090 Ti", 1, None),
        ("Tesla T4", "T4", 1, None),
        ("rtx4090", "RTX 4090", 1, None),
        ("4080s", "RTX 4080 Super", 1, None),
        ("gtx1080ti", "GTX 1080 Ti", 1, None),
        ("mi300x", "Instinct MI300X", 1, None),
        ("8xmi300x", "Instinct MI300X", 8, None),
        ("mi300x8", "Instinct MI300X", 8, None),
        ("rtxa6000", "RTX A6000", 1, None),
        ("rtx6000ada", "RTX 6000 Ada", 1, None),
        ("pro6000", "RTX PRO 6000 Blackwell", 1, None),
    ],
)
def test_names_as_people_write_them(
    text: str, name: str, count: int, memory_gb: int | None
) -> None:
    wish = parse_gpu(text)
    assert (wish.gpu.name, wish.count, wish.memory_gb) == (name, count, memory_gb)


def test_names_that_begin_alike_are_different_cards() -> None:
    flags = ["a10", "a10g", "a100", "l4", "l40", "l40s", "4090", "4090d", "rtx6000", "rtx6000ada"]
    assert len({parse_gpu(flag).gpu.name for flag in flags}) == len(flags)


def test_every_spelling_belongs_to_one_card() -> None:
    owner: dict[str, str] = {}
    for gpu in GPUS:
        for key in {_key(gpu.flag), _key(gpu.name), *gpu.aliases}:
            assert key == _key(key), f"{key} of {gpu.name} is not in the form names are compared in"
            assert owner.setdefault(key, gpu.name) == gpu.name


@pytest.mark.parametrize("gpu", GPUS, ids=lambda gpu: gpu.flag)
def test_every_card_is_found_by_its_flag_and_its_name(gpu: GPU) -> None:
    assert parse_gpu(gpu.flag).gpu is gpu
    assert parse_gpu(gpu.name).gpu is gpu


@pytest.mark.parametrize(
    ("text", "suggested"),
    [("a101", "--a100"), ("3091", "--3090"), ("h1000", "--h100"), ("4x309", "--3090")],
)
def test_an_unknown_name_brings_the_nearest(text: str, suggested: str) -> None:
    with pytest.raises(UnknownGPUError) as caught:
        parse_gpu(text)
    assert f"'{text}'" in caught.value.message
    assert caught.value.hint is not None
    assert suggested in caught.value.hint


def test_a_name_like_no_other_brings_the_whole_list() -> None:
    with pytest.raises(UnknownGPUError) as caught:
        parse_gpu("zzz")
    assert caught.value.hint is not None
    assert all(gpu.flag in caught.value.hint for gpu in GPUS)


def test_a_size_that_is_not_made_names_those_that_are() -> None:
    with pytest.raises(UnknownGPUError, match="the A100 has 40 or 80 GB") as caught:
        parse_gpu("a100-60gb")
    assert caught.value.hint == "Write --a100-40gb or --a100-80gb."


@pytest.mark.parametrize("text", ["0x3090", "3090:0", "99999x3090"])
def test_counts_are_bounded(text: str) -> None:
    with pytest.raises(UnknownGPUError, match="between 1 and 1024"):
        parse_gpu(text)


def test_a_wish_in_words() -> None:
    assert parse_gpu("4x3090").describe() == "4 × RTX 3090 (24 GB each)"
    assert parse_gpu("a100").describe() == "1 × A100 (40 or 80 GB)"
    assert parse_gpu("a100-80gb").describe() == "1 × A100 (80 GB)"
