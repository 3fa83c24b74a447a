"""What a program names that does not travel."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.files.mentioned import left_behind, path_texts
from jupyter_remote_gpu.files.verdict import LeftOut, Why

LEFT_OUT = {
    one.path: one
    for one in (
        LeftOut(b".env", Why.SECRET, "*.env"),
        LeftOut(b"data/raw", Why.IGNORED, ".gitignore, line 1: raw/", is_folder=True),
        LeftOut(b"data/big.csv", Why.LARGE, "300 MB"),
        LeftOut(b"nb/keys.pem", Why.SECRET, "*.pem"),
        LeftOut(b".venv", Why.ENVIRONMENT, ".venv/", is_folder=True),
        LeftOut(b"build", Why.IGNORED, "build/", is_folder=True),
        LeftOut(b"src/__pycache__", Why.CACHE, "__pycache__/", is_folder=True),
    )
}


def _named(source: str, folder: str = "") -> list[bytes]:
    return [one.path for one in left_behind(path_texts(source), folder, LEFT_OUT)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("pd.read_csv('data/big.csv')", [b"data/big.csv"]),
        ("open(f'data/raw/{name}.csv')", [b"data/raw"]),
        ("Path('data') / 'raw' / name", [b"data/raw"]),
        ("os.path.join('data', 'raw', f'{n}.csv')", [b"data/raw"]),
        ("glob('./data/*.csv')", [b"data/big.csv"]),
        ("ImageFolder('data')", [b"data/raw", b"data/big.csv"]),
        ("open('build/x.txt')", [b"build"]),
        ("from dotenv import load_dotenv; load_dotenv()", [b".env"]),
        ("x = 'data/fine.csv'", []),
        ("mode = 'build'", []),
        ("x = a / 'build'", []),
        ("print('data/raw is a folder, is it not?')", []),
        ("open('src/__pycache__/x.pyc')", []),
        ("open('/etc/passwd'); open('../other')", []),
        ("not python", []),
    ],
)
def test_what_a_cell_names(source: str, found: list[bytes]) -> None:
    assert _named(source) == found


def test_paths_are_those_of_the_working_folder() -> None:
    assert _named("open('keys.pem'), open('../data/big.csv')", "nb") == [
        b"nb/keys.pem",
        b"data/big.csv",
    ]


def test_what_the_machine_has_is_not_named() -> None:
    texts = path_texts("torch.save(model, 'build/model.pt')")
    assert left_behind(texts, "", LEFT_OUT, {b"build/model.pt"}.__contains__) == []
