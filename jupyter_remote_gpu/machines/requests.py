"""The one grammar of requests: which machine a cell wants, and how it is to run.

The cell magic, the line magic and the terminal all parse with it. Parsing
understands; whether this version can do it is decided by `choose`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jupyter_remote_gpu.errors import (
    RequestError,
    UnknownFlagError,
    UnknownGPUError,
)

from . import amounts
from .flags import BY_NAME, Flag
from .gpus import FLAGS as GPU_FLAGS
from .gpus import MAX_COUNT, GPUWish, nearest_gpus, parse_gpu, unknown_gpu
from .nearest import did_you_mean, nearest

_SSH_OPTION = "-o"
"""As ssh itself has it; `--option` in the table."""
_SSH_WORDS = {"-p": "Port", "-i": "IdentityFile", "-J": "ProxyJump", "-l": "User"}
"""What else one is used to writing behind `ssh`, as the options they stand for."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. A field that was not mentioned is None, False or empty.

    `vram_gb` is GB a GPU, `max_price` US dollars an hour, `timeout_seconds`
    how long the cell may run, `attach` that no cell runs but the unfinished
    run there is shown. `trusted`, `offline` and `options` (for ssh) are said
    of a machine that is added.
    """

    local: bool = False
    cpu: bool = False
    machine: str | None = None
    gpu: GPUWish | None = None
    vram_gb: float | None = None
    max_price: float | None = None
    spot: bool = False
    name: str | None = None
    datasets: tuple[str, ...] = ()
    detach: bool = False
    timeout_seconds: float | None = None
    attach: bool = False
    yes: bool = False
    trusted: bool = False
    offline: bool = False
    options: tuple[str, ...] = ()

    @property
    def wants_rented(self) -> bool:
        """Whether only a rented machine could serve this."""
        wishes = (self.gpu, self.vram_gb, self.max_price, self.name)
        return self.spot or any(wish is not None for wish in wishes)

    def describe(self) -> str:
        """Return what was understood, in words: "4 × RTX 3090 (24 GB each), at most $1.5/h"."""
        parts = [self.gpu.describe() if self.gpu else "a GPU"] if self.wants_rented else []
        if self.machine is not None:
            parts.append(f"the machine {self.machine}")
        if self.vram_gb is not None:
            parts.append(f"at least {self.vram_gb:g} GB of memory a GPU")
        if self.max_price is not None:
            parts.append(f"at most ${self.max_price:g} an hour")
        if self.spot:
            parts.append("on spot terms")
        if self.name is not None:
            parts.append(f"to be called {self.name}")
        if self.datasets:
            parts.append("with the data " + ", ".join(self.datasets))
        if self.detach:
            parts.append("running on without the notebook")
        return ", ".join(parts) or "the embedded machine"


def parse(words: Sequence[str]) -> Request:
    """Return the request made by `words`, all of which must be flags.

    Raises UnknownFlagError, UnknownGPUError (both name the nearest known
    ones), or RequestError for a bad value, a flag given twice, or two that
    contradict each other.
    """
    request, rest = split(words)
    if rest:
        raise _not_a_flag(rest[0])
    for name in ("trusted", "offline", "options"):
        if getattr(request, name):
            flag = BY_NAME["option" if name == "options" else name]
            raise RequestError(
                f"{flag.usage} says nothing to a cell.",
                hint=f"It is said when a machine is added: %remote_gpu add NAME HOST {flag.usage}.",
            )
    return request


def split(words: Sequence[str]) -> tuple[Request, tuple[str, ...]]:
    """Return the request made by the flags in `words`, and the words that are none.

    All behind a bare `--` is left alone. Raises as `parse` does.
    """
    request = Request()
    given: dict[str, str] = {}
    rest: list[str] = []
    count: int | None = None
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            rest += queue
            break
        if not word.startswith("-"):
            rest.append(word)
            continue
        word = _spelt_out(word, queue)
        key, flag, text = _flag(word, queue)
        if key in given and not (flag is not None and flag.repeated):
            raise _twice(key, given[key], word)
        given[key] = word
        if key == "count":
            count = amounts.whole(text, word="--count", most=MAX_COUNT)
        else:
            request = _apply(request, flag, text)
    _refuse_conflicts(given)
    return _with_count(request, count, given), tuple(rest)


def _flag(word: str, queue: list[str]) -> tuple[str, Flag | None, str]:
    """Return the key of a flag, its row (None for a GPU's own name), and its value."""
    name, equals, text = word[2:].partition("=")
    flag = BY_NAME.get(name.lower().replace("_", "-"))
    if not word.startswith("--"):
        raise _not_a_flag(word)
    if flag is None:
        if equals:
            raise _value_behind_gpu(name, text)
        return "gpu", None, name
    if flag.value is None:
        if equals:
            raise RequestError(f"--{flag.name} takes no value, but was given '{text}'.")
        return flag.name, flag, ""
    if not equals:
        if not queue or queue[0].startswith("--"):
            raise RequestError(
                f"--{flag.name} needs a value and has none.", hint=f"Write {flag.usage}."
            )
        text = queue.pop(0)
    if not text.strip():
        raise RequestError(f"--{flag.name} was given an empty value.", hint=f"Write {flag.usage}.")
    return flag.name, flag, text.strip()


def _apply(request: Request, flag: Flag | None, text: str) -> Request:
    """Return the request with one more flag in it."""
    if flag is None:
        try:
            return replace(request, gpu=parse_gpu(text))
        except UnknownGPUError as error:
            raise _unknown(text, error) from None
    match flag.name:
        case "gpu":
            return replace(request, gpu=parse_gpu(text))
        case "machine":
            return replace(request, machine=text)
        case "name":
            return replace(request, name=text)
        case "vram":
            return replace(request, vram_gb=amounts.gigabytes(text, word="--vram"))
        case "max-price":
            return replace(request, max_price=amounts.dollars(text, word="--max-price"))
        case "timeout":
            return replace(request, timeout_seconds=amounts.seconds(text, word="--timeout"))
        case "datasets":
            return replace(request, datasets=tuple(part for part in text.split(",") if part))
        case "local":
            return replace(request, local=True)
        case "cpu":
            return replace(request, cpu=True)
        case "spot":
            return replace(request, spot=True)
        case "detach":
            return replace(request, detach=True)
        case "attach":
            return replace(request, attach=True)
        case "trusted":
            return replace(request, trusted=True)
        case "offline":
            return replace(request, offline=True)
        case "option":
            return replace(request, options=(*request.options, text))
        case _:
            return replace(request, yes=True)


# Pairs that say two things about one question. A machine by name may be asked to hold
# anything; that it cannot is for the machine to say.
_CONFLICTS: tuple[tuple[frozenset[str], frozenset[str], str], ...] = (
    (
        frozenset({"cpu"}),
        frozenset({"gpu", "vram", "count", "spot"}),
        "one asks for no GPU, the other for one",
    ),
    (
        frozenset({"local"}),
        frozenset({"gpu", "vram", "count", "spot", "max-price", "name"}),
        "one asks for this computer, the other for a rented machine",
    ),
    (frozenset({"local"}), frozenset({"machine"}), "both say which machine"),
    (frozenset({"machine"}), frozenset({"name"}), "a machine that exists has its name"),
    (frozenset({"attach"}), frozenset({"detach"}), "one follows a run, the other leaves it"),
)


def _refuse_conflicts(given: dict[str, str]) -> None:
    for left, right, reason in _CONFLICTS:
        first, second = left & given.keys(), right & given.keys()
        if first and second:
            one, other = given[min(first)], given[min(second)]
            raise RequestError(
                f"{one} and {other} do not go together: {reason}.",
                hint="Leave one of them out.",
            )


def _with_count(request: Request, count: int | None, given: dict[str, str]) -> Request:
    if count is None:
        return request
    if request.gpu is None:
        raise RequestError(
            "--count says how many GPUs, but no GPU is named.",
            hint="Write for example --4x3090, or --gpu 3090 --count 4.",
        )
    if request.gpu.count != 1:
        raise RequestError(
            f"The GPU's name says {request.gpu.count} and --count says {count}.",
            hint="Say how many only once.",
        )
    return replace(request, gpu=replace(request.gpu, count=count))


def _twice(key: str, first: str, second: str) -> RequestError:
    if key == "gpu" and first != second:
        return RequestError(
            f"{first} and {second} both name a GPU.", hint="A machine has one model: keep one."
        )
    if first != second:
        return RequestError(f"{first} and {second} both say --{key}.", hint="Keep one of them.")
    return RequestError(f"{first} is given twice.", hint="Keep one of them.")


def _spelt_out(word: str, queue: list[str]) -> str:
    """Return ssh's own `-o`, `-p` and their like as `--option`; other words as they are."""
    short, attached = word[:2], word[2:]
    if short == _SSH_OPTION:
        return f"--option={attached}" if attached else "--option"
    if short not in _SSH_WORDS:
        return word
    if not attached and (not queue or queue[0].startswith("-")):
        raise RequestError(f"{short} needs a value, as ssh's own {short} does.")
    return f"--option={_SSH_WORDS[short]}={attached or queue.pop(0)}"


def _unknown(name: str, error: UnknownGPUError | None = None) -> RequestError:
    """Return the error for `--name`: of a flag, or of a GPU where it looks more like one."""
    flags = nearest(name, BY_NAME)
    gpus = nearest_gpus(name)
    looks_like_a_gpu = any(letter.isdigit() for letter in name)
    if looks_like_a_gpu and not flags:
        return error or unknown_gpu(name)
    known = [BY_NAME[flag].usage for flag in flags] + [f"--{gpu}" for gpu in gpus]
    hint = did_you_mean(known[:3]) or (
        "Known are " + ", ".join(flag.usage for flag in BY_NAME.values())
        + f", and GPUs by name such as --{GPU_FLAGS[-1]} or --4x3090."
    )  # fmt: skip
    return UnknownFlagError(f"There is no flag --{name}.", hint=hint)


def _value_behind_gpu(name: str, text: str) -> RequestError:
    try:
        wish = parse_gpu(name)
    except UnknownGPUError as error:
        return _unknown(name, error)
    return RequestError(
        f"--{name} takes no value, but was given '{text}'.",
        hint=f"How many goes in front (--4x{wish.gpu.flag}), the size behind (--a100-80gb).",
    )


def _not_a_flag(word: str) -> RequestError:
    bare = word.lstrip("-")
    if bare.lower() in BY_NAME:
        return UnknownFlagError(f"'{word}' is not a flag.", hint=did_you_mean([f"--{bare}"]))
    try:
        parse_gpu(bare)
    except UnknownGPUError:
        close = [f"--{name}" for name in nearest(bare, BY_NAME)]
        return UnknownFlagError(
            f"'{word}' is not a flag.",
            hint=did_you_mean(close) or "Flags begin with two dashes, as --machine NAME does.",
        )
    return UnknownFlagError(f"'{word}' is not a flag.", hint=did_you_mean([f"--{bare}"]))
