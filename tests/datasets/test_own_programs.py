"""Kaggle's own library, unmodified, uses the emulator: so that is true to Kaggle."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.datasets.emulators.kaggle import KEY, TOKEN, USER, Competition, Dataset, Kaggle

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("kagglehub") is None, reason="kagglehub is not installed"
)
FILES = {f"part/{n}.csv": os.urandom(100_000) for n in range(30)} | {"a.csv": b"a,b\n1,2\n"}
MODEL = "google/gemma/MODEL_FRAMEWORK_PY_TORCH/2b"
_RUN = """
import json, os, pathlib, sys
import kagglehub as hub
said = []
def files(path):
    root = pathlib.Path(path)
    every = sorted(one for one in root.rglob("*") if one.is_file()) if root.is_dir() else [root]
    said.append({one.name: one.stat().st_size for one in every})
def fails(what, *words, **more):
    try:
        what(*words, **more)
    except Exception as error:
        said.append(type(error).__name__)
    else:
        said.append("no error")
"""


def _kagglehub(code: str, kaggle: Kaggle, home: Path, **environ: str) -> list[object]:
    """Run kagglehub in a process of its own; the emulator is its proxy to an http://localhost."""
    to_us = {"KAGGLE_API_ENVIRONMENT": "LOCALHOST", "HTTP_PROXY": kaggle.url, "NO_PROXY": ""}
    more: Mapping[str, str] = {"HOME": str(home), **to_us, **environ}
    done = subprocess.run(
        [sys.executable, "-c", f"{_RUN}\n{code}\nprint(json.dumps(said))"],
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout.strip().splitlines()[-1]))


def test_kagglehub_gets_what_there_is(kaggle: Kaggle, home: Path) -> None:
    kaggle.datasets["o/news"] = Dataset([{"old": b""}, FILES], private=True)
    kaggle.datasets["o/packed"] = Dataset([FILES], packed=frozenset({"a.csv"}))
    kaggle.competitions["titanic"] = Competition({"train.csv": b"a,b\n"}, {USER})
    kaggle.models[MODEL] = [{"w.bin": b"w" * 9}]
    code = """
files(hub.dataset_download("o/news"))
files(hub.competition_download("titanic"))
files(hub.model_download("google/gemma/pyTorch/2b"))
del os.environ["KAGGLE_API_TOKEN"]
files(hub.dataset_download("o/packed", path="a.csv"))
fails(hub.dataset_download, "o/news")
os.environ.update(KAGGLE_USERNAME="alice", KAGGLE_KEY=os.environ["KEY"])
files(hub.dataset_download("o/news", path="a.csv"))
fails(hub.dataset_download, "o/news", path="b.csv")
"""
    sizes = {Path(path).name: len(data) for path, data in FILES.items()}
    assert _kagglehub(code, kaggle, home, KAGGLE_API_TOKEN=TOKEN, KEY=KEY) == [
        sizes,
        {"train.csv": 4},
        {"w.bin": 9},
        {"a.csv": 8},
        "KaggleApiHTTPError",
        {"a.csv": 8},
        "KaggleApiHTTPError",
    ]
    calls = [asked.path.rpartition("/")[2] for asked in kaggle.asked]
    assert calls[:2] == ["GetDataset", "DownloadDataset"]
    assert {asked.authorization for asked in kaggle.storage.asked} == {""}


def test_kagglehub_meets_the_faults(kaggle: Kaggle, home: Path) -> None:
    kaggle.datasets["o/news"] = Dataset([FILES])
    kaggle.competitions["titanic"] = Competition({"train.csv": b"a,b\n"})
    # Beyond one of its pieces of 1 MiB, else nothing is kept.
    kaggle.storage.faults.drop("archive.zip", after=2_500_000)
    code = """
fails(hub.dataset_download, "o/news")
files(hub.dataset_download("o/news"))
fails(hub.competition_download, "titanic")
"""
    broken, whole, rules = _kagglehub(code, kaggle, home, KAGGLE_API_TOKEN=TOKEN)
    assert broken in ("ChunkedEncodingError", "ConnectionError")
    assert isinstance(whole, dict)
    assert len(whole) == len(FILES)
    assert rules == "KaggleApiHTTPError"
    ranges = [asked.headers.get("range", "") for asked in kaggle.storage.asked]
    assert ranges == ["", "", "bytes=2097152-"]
    kaggle.storage.wrong_md5 = True
    wrong = 'fails(hub.dataset_download, "o/news", force_download=True)'
    assert _kagglehub(wrong, kaggle, home) == ["DataCorruptionError"]
