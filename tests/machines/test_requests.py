"""The grammar of requests: what it understands, and how it names a mistake."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.errors import RequestError, UnknownFlagError, UnknownGPUError
from jupyter_remote_gpu.machines import Request, parse, parse_gpu, split
from jupyter_remote_gpu.machines.flags import FLAGS


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("", Request()),
        ("--local", Request(local=True)),
        ("--cpu --yes", Request(cpu=True, yes=True)),
        ("--machine box --timeout 1h30m", Request(machine="box", timeout_seconds=5400)),
        ("--machine=box", Request(machine="box")),
        ("--timeout 90", Request(timeout_seconds=90)),
        ("--timeout 10min", Request(timeout_seconds=600)),
        ("--a100", Request(gpu=parse_gpu("a100"))),
        ("--gpu 2xa100-80gb", Request(gpu=parse_gpu("2xa100-80gb"))),
        ("--3090 --count 4", Request(gpu=parse_gpu("4x3090"))),
        (
            "--4x3090 --max-price $1.5/h --vram 20GB --spot --name box",
            Request(gpu=parse_gpu("4x3090"), max_price=1.5, vram_gb=20, spot=True, name="box"),
        ),
        ("--max_price 2", Request(max_price=2)),
        ("--datasets kaggle://a/b,hf://c", Request(datasets=("kaggle://a/b", "hf://c"))),
        ("--detach", Request(detach=True)),
        ("--attach", Request(attach=True)),
    ],
)
def test_what_it_understands(line: str, request_: Request) -> None:
    assert parse(line.split()) == request_


def test_every_flag_of_the_table_is_understood_and_changes_the_request() -> None:
    samples = {"NAME": "x", "GPU": "a100", "N": "2", "GB": "40", "USD": "1", "TIME": "9"}
    for flag in FLAGS:
        words = [f"--{flag.name}"]
        if flag.value is not None:
            words.append(samples.get(flag.value, "kaggle://a/b"))
        if flag.name == "count":
            words.append("--a100")
        assert split(words) != (Request(), ()), flag.usage


def test_words_that_are_no_flags_are_handed_back() -> None:
    words = ["run.py", "--machine", "box", "more", "--", "--epochs", "3"]
    assert split(words) == (Request(machine="box"), ("run.py", "more", "--epochs", "3"))


@pytest.mark.parametrize(
    ("line", "kind", "hint"),
    [
        ("--locl", UnknownFlagError, "--local"),
        ("--machien x", UnknownFlagError, "--machine NAME"),
        ("--zzz", UnknownFlagError, "--machine NAME"),
        ("--a101", UnknownGPUError, "--a100"),
        ("--gpu a101", UnknownGPUError, "--a100"),
        ("--a101=3", UnknownGPUError, "--a100"),
        ("a100", UnknownFlagError, "--a100"),
        ("-a100", UnknownFlagError, "--a100"),
        ("yes", UnknownFlagError, "--yes"),
        ("lokal", UnknownFlagError, "--local"),
        ("train.py", UnknownFlagError, "two dashes"),
    ],
)
def test_an_unknown_word_brings_the_nearest_known(
    line: str, kind: type[RequestError], hint: str
) -> None:
    with pytest.raises(kind) as caught:
        parse(line.split())
    assert caught.value.hint is not None
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--yes --yes", "--yes is given twice"),
        ("--machine=a --machine=b", "--machine=a and --machine=b both say --machine"),
        ("--a100 --h100", "--a100 and --h100 both name a GPU"),
        ("--a100 --gpu h100", "--a100 and --gpu both name a GPU"),
        ("--cpu --a100", "--cpu and --a100 do not go together"),
        ("--local --4x3090", "--local and --4x3090 do not go together"),
        ("--local --machine box", "--local and --machine do not go together"),
        ("--attach --detach", "--attach and --detach do not go together"),
        ("--machine", "--machine needs a value"),
        ("--machine --yes", "--machine needs a value"),
        ("--machine=", "--machine was given an empty value"),
        ("--yes=1", "--yes takes no value"),
        ("--a100=3", "--a100 takes no value"),
        ("--count 3", "no GPU is named"),
        ("--gpu 4x3090 --count 2", "name says 4 and --count says 2"),
        ("--a100 --count 0", "a whole number from 1 to 1024"),
        ("--a100 --count ²", "a whole number from 1 to 1024"),
        ("--timeout soon", "it takes a time"),
        ("--timeout 0", "more than nothing"),
        ("--vram much", "a number of gigabytes"),
        ("--max-price free", "a price in dollars"),
    ],
)
def test_a_mistake_is_named(line: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse(line.split())
    assert message in caught.value.message


def test_a_request_in_words() -> None:
    line = "--4x3090 --max-price 1.5 --vram 20"
    words = "4 × RTX 3090 (24 GB each), at least 20 GB of memory a GPU, at most $1.5 an hour"
    assert parse(line.split()).describe() == words
    assert parse(["--vram", "40"]).describe() == "a GPU, at least 40 GB of memory a GPU"
    assert Request().describe() == "the embedded machine"
