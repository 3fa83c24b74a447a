"""The data that a script's text names."""

from __future__ import annotations

from jupyter_remote_gpu.commands.data_named import data_named

SCRIPT = """
from jupyter_remote_gpu import dataset as data
import jupyter_remote_gpu as rg, numpy

def load():
    return data(" kaggle://a/b ") / "x.csv", rg.dataset("c/d")

again = data("kaggle://a/b")
dataset("not/ours")
data(numpy.name, "x")
data(f"{again}/y")
"""


def test_texts_given_to_our_function_are_found() -> None:
    assert data_named([SCRIPT]) == ("kaggle://a/b", "c/d")


def test_another_function_of_that_name_names_nothing() -> None:
    other = 'from datasets import dataset\ndataset("a/b")  # not of jupyter_remote_gpu'
    assert data_named([other, "def dataset(x): ...\ndataset('a/b')"]) == ()


def test_what_cannot_be_parsed_names_nothing() -> None:
    assert data_named(["from jupyter_remote_gpu import dataset\ndataset('a/b'"]) == ()
