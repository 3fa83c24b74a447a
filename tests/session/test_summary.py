"""The lines that say what moved."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.session.summary import (
    about_text,
    bar_text,
    fetch_text,
    rate_text,
    run_text,
    seconds_text,
    size_text,
)
from jupyter_remote_gpu.state.loads import Load

X = Load(("X",), 1_048_576, 1, 256, patched=True)
CFG = Load(("cfg",), 90, 0, 0, patched=False)
BOTH = Load(("model", "opt"), 105_000_000, 101, 101, patched=True)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (27, "27 bytes"),
        (999.96, "1.0 KB"),
        (1_048_576, "1.0 MB"),
        (12_700_000_000, "12.7 GB"),
        (105_000_000, "105 MB"),
        (99_960_000, "100 MB"),
        (999_999, "1.0 MB"),
    ],
)
def test_sizes(count: float, text: str) -> None:
    assert size_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.001, "0.01 s"),
        (0.093, "0.093 s"),
        (9.1, "9.1 s"),
        (41.23, "41.2 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def test_estimates_and_rates() -> None:
    assert [about_text(s) for s in (0.2, 89, 1020, 9000, 1e7)] == [
        "1 s",
        "89 s",
        "17 min",
        "2.5 h",
        "116 days",
    ]
    assert rate_text(12.5e6) == "100 Mbit/s"
    assert rate_text(1.25e9) == "10 Gbit/s"
    assert rate_text(100) == "800 bit/s"


def test_a_remote_cell() -> None:
    assert run_text("gpu1", (X, CFG), (), ("loss", "model+opt"), (), 41.2, 0.09) == (
        "gpu1 ▸ sent 1.0 MB: X (1 of 256 chunks), cfg · now there: loss, model+opt"
        " · ran 41.2 s, sync 0.09 s"
    )
    assert run_text("gpu1", (), ("X",), (), ("Y",), 1, 1) == (
        "gpu1 ▸ unchanged: X · perhaps changed: Y · ran 1.0 s, sync 1.0 s"
    )
    assert run_text("gpu1", (), (), (), (), 41.2, 0.09) is None
    assert run_text("gpu1", (), (), (), (), 1, 1, threads=1) == (
        "gpu1 ▸ background activity on gpu1: values may still change"
    )


def test_a_local_cell() -> None:
    assert fetch_text("gpu1", (BOTH,), ("model", "opt", "np"), ("X",), 105_000_000, 9.1) == (
        "gpu1 ◂ fetched 105 MB in 9.1 s: model+opt (patched in place), np · unchanged: X"
    )


def test_a_bar() -> None:
    assert bar_text("gpu1", "in", (BOTH, CFG), 50_000_000, 105_000_000, 4.0) == (
        "gpu1 ◂ fetching model+opt, cfg: 50.0 MB of 105 MB, 12.5 MB/s, 4 s left"
    )
