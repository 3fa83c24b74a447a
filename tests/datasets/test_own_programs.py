"""Kaggle's and the Hub's own libraries, unmodified, use the emulators: so these are true."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from tests.datasets.emulators.hub import TOKEN as HUB_TOKEN
from tests.datasets.emulators.hub import Hub, Repository
from tests.datasets.emulators.kaggle import KEY, TOKEN, USER, Competition, Dataset, Kaggle
from tests.datasets.emulators.serving import Reply

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
def tries(what, *words, **more):
    try:
        came = what(*words, **more)
    except Exception as error:
        said.append(type(error).__name__)
    else:
        files(came)
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
tries(hub.dataset_download, "o/news")
os.environ.update(KAGGLE_USERNAME="alice", KAGGLE_KEY=os.environ["KEY"])
files(hub.dataset_download("o/news", path="a.csv"))
tries(hub.dataset_download, "o/news", path="b.csv")
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
@pytest.mark.skipif(
    not hasattr(tarfile, "data_filter"), reason="kagglehub unpacks no tar archive on this Python"
)
def test_kagglehub_gets_what_comes_in_tar_archives(kaggle: Kaggle) -> None:
    kaggle.competitions["titanic"] = Competition({"train.csv": b"a\n"}, {USER}, tarred=True)
    kaggle.models[MODEL] = [{}, {f"{n}.bin": bytes(n) for n in range(30)}]
    code = """
files(hub.competition_download("titanic"))
files(hub.model_download("google/gemma/pyTorch/2b"))
"""
    assert _kagglehub(code, kaggle, KAGGLE_API_TOKEN=TOKEN) == [
        {"train.csv": 2},
        {f"{n}.bin": n for n in range(30)},
    ]


@needs_kagglehub
def test_kagglehub_meets_the_faults(kaggle: Kaggle) -> None:
    kaggle.datasets |= {"o/news": Dataset([FILES]), "o/spoilt": Dataset([FILES])}
    kaggle.competitions["titanic"] = Competition({"train.csv": b"a,b\n"})
    storage = kaggle.storage
    storage.hashes = ()
    # Beyond one of its pieces of 1 MiB, else nothing is kept.
    storage.faults.drop("news/1/archive.zip", after=2_500_000)
    storage.faults.drop("spoilt/1/archive.zip", after=2_500_000)
    storage.faults.answer("spoilt/1/archive.zip bytes=", Reply(403, {}, b"<Error>over</Error>"))
    code = """
tries(hub.dataset_download, "o/news")
files(hub.dataset_download("o/news"))
files(hub.dataset_download("o/news"))
tries(hub.competition_download, "titanic")
tries(hub.dataset_download, "o/spoilt")
tries(hub.dataset_download, "o/spoilt")
tries(hub.dataset_download, "o/spoilt")
"""
    broken, whole, kept, rules, *spoilt = _kagglehub(code, kaggle, KAGGLE_API_TOKEN=TOKEN)
    assert broken in ("ChunkedEncodingError", "ConnectionError")
    assert isinstance(whole, dict)
    assert len(whole) == len(FILES)
    assert kept == whole
    assert rules == "KaggleApiHTTPError"
    # An error page in the place of the rest is part of the archive from then on.
    assert spoilt[0] in ("ChunkedEncodingError", "ConnectionError")
    assert spoilt[1:] == ["ValueError", "BadZipFile"]
    calls = [asked.path.rpartition("/")[2] for asked in kaggle.asked]
    assert calls[:5] == ["GetDataset", "DownloadDataset"] * 2 + ["GetDataset"]
    ranges = [asked.headers.get("range", "") for asked in storage.asked]
    assert ranges[:6] == ["", "", "bytes=2097152-", "", "", "bytes=2097152-"]
    storage.hashes, storage.wrong_md5 = ("crc32c", "md5"), True
    wrong = 'tries(hub.dataset_download, "o/spoilt", path="a.csv")'
    assert _kagglehub(wrong, kaggle) == ["DataCorruptionError"]


@needs_huggingface_hub
def test_huggingface_hub_gets_what_there_is_and_names_the_faults(hub: Hub) -> None:
    files = {"README.md": b"# Items\n", "data/train.csv": os.urandom(3_000_000)}
    hub.repositories["datasets/shop/items"] = Repository([{"old": b"1"}, files])
    hub.repositories["datasets/shop/own"] = Repository([files], private=True)
    hub.repositories["models/org/gated"] = Repository([{"config.json": b"{}"}], gated=True)
    hub.repositories["models/org/busy"] = Repository([{"config.json": b"{}"}])
    large = {"broken.bin": bytes(25_000_000), "reset.bin": bytes(25_000_001)}
    hub.repositories["models/org/large"] = Repository([large])
    hub.faults.answer("busy/resolve", Reply(429, {"RateLimit": '"resolvers";r=0;t=0'}), times=2)
    # Beyond one of its pieces of 10 MiB.
    hub.storage.faults.drop(sha256(large["broken.bin"]).hexdigest(), after=21_500_000)
    hub.storage.faults.drop(sha256(large["reset.bin"]).hexdigest(), after=21_500_000, reset=True)
    hub.pages = 2
    code = """
get, of = hub.snapshot_download, {"repo_type": "dataset"}
files(get("shop/items", **of))
files(get("shop/items", revision="v1", **of))
tries(get, "shop/own", **of)
tries(hub.hf_hub_download, "shop/items", "none", **of)
tries(get, "shop/items", revision="v7", **of)
tries(hub.hf_hub_download, "org/gated", "config.json")
files(hub.hf_hub_download("org/busy", "config.json"))
tries(hub.hf_hub_download, "org/large", "broken.bin")
tries(hub.hf_hub_download, "org/large", "reset.bin")
os.environ["HF_TOKEN"] = os.environ["LATER"]
files(get("shop/own", **of))
"""
    environ = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "LATER": HUB_TOKEN}
    sizes = {"README.md": 8, "train.csv": 3_000_000}
    *said, broken, reset, later = _run("huggingface_hub", code, environ)
    assert [*said, reset, later] == [
        sizes,
        {"old": 1},
        "RepositoryNotFoundError",
        "RemoteEntryNotFoundError",
        "RevisionNotFoundError",
        "GatedRepoError",
        {"config.json": 2},
        "ReadError",
        sizes,
    ]
    ranges = [asked.headers.get("range", "") for asked in hub.storage.asked]
    # Before version 2 it did not go on by itself.
    resumed = (broken, [part for part in ranges if part])
    goes_on = ({"broken.bin": 25_000_000}, ["bytes=20971520-"])
    assert resumed in (goes_on, ("RemoteProtocolError", []))
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
tries(api.create_repo, "bob/shop")
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
