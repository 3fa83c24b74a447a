"""What users write, paste and copy means the data they mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.reference import Digest, Kind, Reference
from jupyter_remote_gpu.errors import BadReferenceError

NEWS = Reference(Kind.KAGGLE, "clmentbisaillon/fake-and-real-news-dataset")
SHA = "ab" * 32


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("kaggle://clmentbisaillon/fake-and-real-news-dataset", NEWS),
        ("clmentbisaillon/fake-and-real-news-dataset", NEWS),
        ("https://www.kaggle.com/datasets/clmentbisaillon/fake-and-real-news-dataset", NEWS),
        ("https://www.kaggle.com/clmentbisaillon/fake-and-real-news-dataset/", NEWS),
        (
            "https://kaggle.com/datasets/clmentbisaillon/fake-and-real-news-dataset/data?select=a",
            NEWS,
        ),
        ("kaggle datasets download -d clmentbisaillon/fake-and-real-news-dataset", NEWS),
        ("!kaggle datasets download clmentbisaillon/fake-and-real-news-dataset --unzip", NEWS),
        ("kaggle://o/n@7", Reference(Kind.KAGGLE, "o/n", "7")),
        ("o/n/versions/7", Reference(Kind.KAGGLE, "o/n", "7")),
        ("https://www.kaggle.com/datasets/o/n/versions/7", Reference(Kind.KAGGLE, "o/n", "7")),
        ("kaggle://o/n/raw/train.csv", Reference(Kind.KAGGLE, "o/n", "", "raw/train.csv")),
        ("kaggle datasets download o/n -f a.csv -p x", Reference(Kind.KAGGLE, "o/n", "", "a.csv")),
        ("kaggle-competition://titanic", Reference(Kind.COMPETITION, "titanic")),
        ("https://www.kaggle.com/c/titanic/data", Reference(Kind.COMPETITION, "titanic")),
        ("https://www.kaggle.com/competitions/titanic", Reference(Kind.COMPETITION, "titanic")),
        ("kaggle competitions download -c titanic", Reference(Kind.COMPETITION, "titanic")),
        (
            "kaggle-model://google/gemma/pyTorch/2b/3",
            Reference(Kind.KAGGLE_MODEL, "google/gemma/pyTorch/2b", "3"),
        ),
        (
            "https://www.kaggle.com/models/google/gemma/PyTorch/2b",
            Reference(Kind.KAGGLE_MODEL, "google/gemma/pyTorch/2b"),
        ),
        ("hf://datasets/squad", Reference(Kind.HUB_DATASET, "squad")),
        (
            "hf://datasets/org/n@refs%2Fpr%2F1/a/b.parquet",
            Reference(Kind.HUB_DATASET, "org/n", "refs/pr/1", "a/b.parquet"),
        ),
        ("hf://org/model@main", Reference(Kind.HUB_MODEL, "org/model", "main")),
        ("https://huggingface.co/datasets/org/n", Reference(Kind.HUB_DATASET, "org/n")),
        ("https://huggingface.co/gpt2", Reference(Kind.HUB_MODEL, "gpt2")),
        (
            "https://huggingface.co/datasets/org/n/blob/v1/a.csv",
            Reference(Kind.HUB_DATASET, "org/n", "v1", "a.csv"),
        ),
        (
            f"https://a.org/x.zip#sha256={SHA.upper()}",
            Reference(Kind.WEB, "https://a.org/x.zip", digest=Digest("sha256", SHA)),
        ),
        (
            "https://github.com/o/r/blob/main/d/x y.csv",
            Reference(Kind.WEB, "https://raw.githubusercontent.com/o/r/main/d/x%20y.csv"),
        ),
        ("s3://bucket/a/b.csv", Reference(Kind.S3, "bucket/a/b.csv")),
        ("gcs://bucket/folder/", Reference(Kind.GCS, "bucket/folder/")),
    ],
)
def test_an_address_is_understood(text: str, meant: Reference) -> None:
    assert parse_reference(text) == meant
    # What is shown means the same again.
    assert parse_reference(meant.text) == meant


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "No data were named"),
        ("titanic", "OWNER/NAME"),
        ("kaggle://only-owner", "1 of 2 parts"),
        ("kaggle://o/n@latest", "numbers"),
        ("kaggle://o/n@", "signs"),
        ("kaggle-competition://titanic@2", "no versions"),
        ("kaggle://o/n/../../etc/passwd", "own folder"),
        ("hf://buckets/o/n/x", "only datasets and models"),
        ("https://www.kaggle.com/code/o/n", "shows no data"),
        ("https://www.kaggle.com/models/google/gemma", "several variations"),
        ("https://a.org/x#sha256=12", "in hex"),
        ("http://a.org/x.zip", "not encrypted"),
        ("ftp://a.org/x.zip", "not known"),
        ("s3://bucket", "no bucket"),
        ("kaggle kernels output o/n", "only those that download"),
        ("ow ner/name", "signs"),
        ("kaggle datasets download 'o/n", "No closing quotation"),
        ("https://[::1/x.zip", "Invalid IPv6"),
        ("https://a.org:port/x.zip", "Port"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(BadReferenceError, match=reason):
        parse_reference(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://me:hunter2-pw@a.org/x",
        "ftp://me:hunter2-pw@a.org/x",
        "https://me:hunter2-pw@a.org/x#sha256=12",
        "https://me:hunter2-pw@[a.org/x",
        "hf://buckets/a/b?token=hunter2-pw",
        "https://me:hunter2-pw@huggingface.co/docs",
        "https://me:hunter2-pw@www.kaggle.com/models/google/gemma",
    ],
)
def test_the_error_shows_no_password(text: str) -> None:
    with pytest.raises(BadReferenceError) as told:
        parse_reference(text)
    assert "hunter2" not in str(told.value)


def test_a_folder_here_comes_before_kaggle(tmp_path: Path) -> None:
    assert parse_reference("shop/items", base=tmp_path).kind is Kind.KAGGLE
    (tmp_path / "shop" / "items").mkdir(parents=True)
    assert parse_reference("shop/items", base=tmp_path) == Reference(
        Kind.LOCAL, str(tmp_path / "shop" / "items")
    )
    assert parse_reference("./nothing.zip", base=tmp_path).name == "nothing"
    odd = parse_reference("./50%25 of C#", base=tmp_path)
    assert odd.place == str(tmp_path / "50%25 of C#")
    assert parse_reference(odd.text) == odd


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("kaggle://o/fake-news", "fake-news"),
        ("kaggle-model://google/gemma/pyTorch/2b", "gemma"),
        ("hf://datasets/org/Some.Set", "Some.Set"),
        ("https://a.org/files/photos.tar.gz?download=1", "photos"),
        ("https://a.org/files/%2e%2e", "2e-2e"),
        ("https://a.org/", "a.org"),
        ("s3://bucket/a/train/", "train"),
    ],
)
def test_data_have_a_name_that_is_a_folder(text: str, name: str) -> None:
    assert parse_reference(text).name == name


def test_the_user_may_name_them() -> None:
    assert parse_reference("o/n", called="news").name == "news"
    with pytest.raises(BadReferenceError, match="cannot be called"):
        parse_reference("o/n", called="../news")


def test_what_is_shown_of_an_address_holds_no_secret() -> None:
    signed = parse_reference("https://u:pass@a.org/x.zip?download=1&X-Amz-Signature=f00&token=t")
    assert signed.text == "https://a.org/x.zip?download=1"
