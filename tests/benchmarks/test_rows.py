"""Every benchmark runs at a small size and prints its ratios; no time is ever judged here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.figures import DIFFERENCE, LIMIT, RATIO, Comparison, Target, in_turn
from benchmarks.lines import difference
from benchmarks.place import ROOT
from benchmarks.rows import ROWS
from benchmarks.table import lines
from tests.lab import namespaces

COMPARISONS = {
    "noop": 2,
    "lines": 2,
    "flushed": 2,
    "first": 2,
    "journal": 2,
    "namespace": 8,
    "array": 8,
    "load": 1,
    "torch": 2,
    "data-large": 2,
    "data-many": 1,
    "ssh-noop": 6,
    "ssh-lines": 2,
    "ssh-first": 1,
    "ssh-array": 4,
    "ssh-long": 2,
    "ssh-line": 2,
    "ssh-bulk": 2,
    "ssh-known": 1,
    "ssh-new": 1,
    "ssh-env": 2,
    "ssh-again": 1,
    "sync-look": 3,
    "sync-walk": 2,
    "sync-apply": 1,
    "sync-lan": 13,
    "sync-line": 14,
}
NEEDING = ("torch", "data-large", "data-many")
"""They need packages that are not everywhere."""
THROUGH_SSH = [n for n in COMPARISONS if n.startswith("ssh-") or n in ("sync-lan", "sync-line")]
EVERY_TIME = ("noop", "lines", "ssh-noop", "ssh-again", "sync-look", "data-many")
"""The rows that stand for all of their kind; the others are `long`."""


def _rows(*, ssh: bool) -> list[object]:
    names = [n for n in COMPARISONS if (n in THROUGH_SSH) == ssh and n not in NEEDING]
    long = {name: pytest.mark.long for name in names if name not in EVERY_TIME}
    return [pytest.param(n, id=n, marks=[long[n]] if n in long else []) for n in names]


def test_every_row_is_looked_at_below() -> None:
    assert [row.name for row in ROWS] == list(COMPARISONS)


@pytest.mark.parametrize("name", _rows(ssh=False))
def test_a_row_runs_and_prints_its_ratios(name: str, tmp_path: Path) -> None:
    _check(name, tmp_path / "figures.json")


@pytest.mark.root
@pytest.mark.parametrize("name", _rows(ssh=True))
def test_a_row_through_ssh_runs(name: str, tmp_path: Path) -> None:
    reason = namespaces.why_not()
    if reason is not None:
        pytest.skip(f"left out: {reason}")
    _check(name, tmp_path / "figures.json")


@pytest.mark.parametrize("name", [pytest.param("data-large", marks=pytest.mark.long), "data-many"])
def test_a_row_about_data_runs(name: str, tmp_path: Path) -> None:
    pytest.importorskip("kagglehub")
    _check(name, tmp_path / "figures.json")


@pytest.mark.torch
@pytest.mark.long
def test_the_row_about_torch_runs(tmp_path: Path) -> None:
    if find_spec("torch") is None:
        pytest.skip("left out: PyTorch is not installed")
    _check("torch", tmp_path / "figures.json")


def _check(name: str, file: Path) -> None:
    """Run a row as a user does: all that was sent arrived, and each line has ratio and target."""
    command = [sys.executable, "-m", "benchmarks", name, "--quick", "--rounds", "1"]
    done = subprocess.run(
        [*command, "--json", str(file)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if "left out: this machine has too little free memory" in done.stdout:
        pytest.skip("left out: too little free memory for a spare kernel")
    lacking = re.search(r"left out: there is no (\w+) to compare with", done.stdout)
    if lacking is not None:
        pytest.skip(f"left out: there is no {lacking[1]}")
    pattern = r"ratio \d+\.\d+.*, target <= .*: (?:met|MISSED)$"
    verdicts = re.findall(pattern, done.stdout, re.MULTILINE)
    found = json.loads(file.read_text())["comparisons"]
    assert (len(verdicts), len(found)) == (COMPARISONS[name], COMPARISONS[name])
    assert all(c["ours"] and c["rival"] and c["problems"] == [] for c in found)


def test_an_unknown_row_is_refused_with_the_names_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["nop"])
    assert "there is no row nop; there are noop, lines" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arrived", "said"),
    [
        (["a", "b", "c"], ""),
        (["a", "c"], "1 of 3 lines lost, 0 doubled"),
        (["a", "b", "b", "c"], "0 of 3 lines lost, 1 doubled"),
        (["a", "c", "b"], "lines came in another order, or with other text between"),
    ],
)
def test_lost_and_doubled_lines_are_seen(arrived: list[str], said: str) -> None:
    assert difference(["a", "b", "c"], arrived) == said


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        (Target(RATIO, 1.5), "ratio 1.50, target <= 1.5: met"),
        (Target(RATIO, 1.4), "ratio 1.50, target <= 1.4: MISSED"),
        (Target(DIFFERENCE, 1.0), "ratio 1.50, difference 1.00 s, target <= + 1.00 s: met"),
        (Target(LIMIT, 2.9), "ratio 1.50, target <= 2.90 s: MISSED"),
    ],
)
def test_targets_are_judged_by_medians(target: Target, verdict: str) -> None:
    comparison = Comparison("cell", [1.0, 3.0, 90.0], "kernel", [2.0, 0.1, 7.0], target)
    assert lines(comparison)[1].strip() == verdict


def test_a_wrong_result_is_no_target_met() -> None:
    comparison = Comparison(
        "cell", [1.0], "kernel", [2.0], Target(RATIO, 1.5), problems=("1 of 3 lines lost",)
    )
    assert not comparison.met
    assert [text.strip() for text in lines(comparison)[1:]] == [
        "ratio 0.50, target <= 1.5: WRONG",
        "1 of 3 lines lost",
    ]


def test_takers_measure_in_turn_and_the_first_round_does_not_count() -> None:
    order: list[str] = []

    def taker(name: str) -> float:
        order.append(name)
        return float(len(order))

    taken = in_turn(2, {"ours": lambda: taker("ours"), "rival": lambda: taker("rival")})
    assert order == ["rival", "ours", "ours", "rival", "rival", "ours"]
    assert taken == {"ours": [3.0, 6.0], "rival": [4.0, 5.0]}
