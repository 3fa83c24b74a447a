"""Kaggle's and the Hub's own libraries, unmodified, use the emulators: so these are true."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.datasets.emulators.hub import TOKEN as HUB_TOKEN
from tests.datasets.emulators.hub import Hub, Repository
from tests.datasets.emulators.kaggle import KEY, TOKEN, USER, Competition, Dataset, Kaggle

needs_kagglehub = pytest.mark.skipif(
    importlib.util.find_spec("kagglehub") is None, reason="kagglehub is not installed"
)
needs_huggingface_hub = pytest.mark.skipif(
    importlib.util.find_spec("huggingface_hub") is None, reason="huggingface_hub is not installed"
)
FILES = {f"part/{n}.csv": os.urandom(100_000) for n in range(30)} | {"a.csv": b"a,b\n1,2\n"}
MODEL = "google/gemma/MODEL_FRAMEWORK_PY_TORCH/2b"
_RUN = """
import json, os, pathlib, sys
import {library} as hub
said = []
def files(path):
    root = pathlib.Path(path)
    every = sorted(one for one in root.rglob("*") if one.is_file()) if root.is_dir() else [root]
    said.append({{one.name: one.stat().st_size for one in every}})
def fails(what, *words, **more):
    try:
        what(*words, **more)
    except Exception as error:
        said.append(type(error).__name__)
    else:
        said.append("no error")
"""


def _run(library: str, code: str, environ: Mapping[str, str]) -> list[object]:
    """Run a library in a process of its own and return what it said."""
    done = subprocess.run(
        [sys.executable, "-c", f"{_RUN.format(library=library)}\n{code}\nprint(json.dumps(said))"],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout.strip().splitlines()[-1]))


def _kagglehub(code: str, kaggle: Kaggle, **environ: str) -> list[object]:
    """Run kagglehub; the emulator is the proxy on its way to an http://localhost."""
    to_us = {"KAGGLE_API_ENVIRONMENT": "LOCALHOST", "HTTP_PROXY": kaggle.url, "NO_PROXY": ""}
    return _run("kagglehub", code, {**to_us, **environ})


@needs_kagglehub
def test_kagglehub_gets_what_there_is(kaggle: Kaggle) -> None:
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
    assert _kagglehub(code, kaggle, KAGGLE_API_TOKEN=TOKEN, KEY=KEY) == [
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


@needs_kagglehub
def test_kagglehub_meets_the_faults(kaggle: Kaggle) -> None:
    kaggle.datasets["o/news"] = Dataset([FILES])
    kaggle.competitions["titanic"] = Competition({"train.csv": b"a,b\n"})
    # Beyond one of its pieces of 1 MiB, else nothing is kept.
    kaggle.storage.faults.drop("archive.zip", after=2_500_000)
    code = """
fails(hub.dataset_download, "o/news")
files(hub.dataset_download("o/news"))
fails(hub.competition_download, "titanic")
"""
    broken, whole, rules = _kagglehub(code, kaggle, KAGGLE_API_TOKEN=TOKEN)
    assert broken in ("ChunkedEncodingError", "ConnectionError")
    assert isinstance(whole, dict)
    assert len(whole) == len(FILES)
    assert rules == "KaggleApiHTTPError"
    ranges = [asked.headers.get("range", "") for asked in kaggle.storage.asked]
    assert ranges == ["", "", "bytes=2097152-"]
    kaggle.storage.wrong_md5 = True
    wrong = 'fails(hub.dataset_download, "o/news", force_download=True)'
    assert _kagglehub(wrong, kaggle) == ["DataCorruptionError"]


@needs_huggingface_hub
def test_huggingface_hub_gets_what_there_is_and_names_the_faults(hub: Hub) -> None:
    files = {"README.md": b"# Items\n", "data/train.csv": os.urandom(3_000_000)}
    hub.repositories["datasets/shop/items"] = Repository([{"old": b"1"}, files])
    hub.repositories["datasets/shop/own"] = Repository([files], private=True)
    hub.repositories["models/org/gated"] = Repository([{"config.json": b"{}"}], gated=True)
    hub.pages = 2
    code = """
get, of = hub.snapshot_download, {"repo_type": "dataset"}
files(get("shop/items", **of))
files(get("shop/items", revision="v1", **of))
fails(get, "shop/own", **of)
fails(hub.hf_hub_download, "shop/items", "none", **of)
fails(get, "shop/items", revision="v7", **of)
fails(hub.hf_hub_download, "org/gated", "config.json")
os.environ["HF_TOKEN"] = os.environ["LATER"]
files(get("shop/own", **of))
"""
    environ = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "LATER": HUB_TOKEN}
    sizes = {"README.md": 8, "train.csv": 3_000_000}
    assert _run("huggingface_hub", code, environ) == [
        sizes,
        {"old": 1},
        "RepositoryNotFoundError",
        "RemoteEntryNotFoundError",
        "RevisionNotFoundError",
        "GatedRepoError",
        sizes,
    ]
    assert {asked.authorization for asked in hub.storage.asked} == {""}


@needs_huggingface_hub
def test_huggingface_hub_publishes_and_sends_nothing_twice(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(50_000))
    hub.uploads.part_bytes = 20_000
    code = f"""
api = hub.HfApi()
api.create_repo("alice/shop", private=True)
api.create_repo("alice/shop", private=True, exist_ok=True)
api.upload_folder(repo_id="alice/shop", folder_path={str(folder)!r})
api.upload_file(path_or_fileobj=b"# Shop", path_in_repo="README.md", repo_id="alice/shop")
api.upload_file(
    path_or_fileobj={str(folder / "model.safetensors")!r},
    path_in_repo="again.safetensors",
    repo_id="alice/shop",
)
fails(api.create_repo, "bob/shop")
files(hub.snapshot_download("alice/shop"))
said.append(api.model_info("alice/shop").private)
"""
    environ = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": HUB_TOKEN}
    sizes = {"config.json": 2, "README.md": 6}
    weights = {"model.safetensors": 50_000, "again.safetensors": 50_000}
    assert _run("huggingface_hub", code, environ) == ["HfHubHTTPError", sizes | weights, True]
    puts = [asked for asked in hub.storage.asked if asked.method == "PUT"]
    assert len(puts) == 3
    assert {asked.authorization for asked in puts} == {""}
