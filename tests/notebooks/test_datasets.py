"""`dataset("…")` in a remote cell: the data's path on the machine, fetched when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agent.datasets.serving import Server, serving
from tests.notebook import Notebook

SOURCE = """
from jupyter_remote_gpu.datasets.reference import Kind
from jupyter_remote_gpu.datasets.source import Link, RemoteFile, Resolved, Source

class News(Source):
    asked = 0

    def resolve(self, reference):
        News.asked += 1
        return Resolved(reference, "1", (RemoteFile("a.csv", 8),))

    def links(self, resolved, files):
        return [Link("{root}/a.csv") for file in files]

get_ipython().remote_gpu_extension.machines.data._finding._made[Kind.KAGGLE] = News()
"""
CELL = '%%remote_gpu\nfolder = dataset("kaggle://o/news")\nprint((folder / "a.csv").read_text())'


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as made:
        made.put("a.csv", b"a,b\n1,2\n")
        yield made


@pytest.fixture(scope="module")
def news(notebook: Notebook, server: Server) -> Notebook:
    """A notebook for which Kaggle has one dataset."""
    assert notebook.run(SOURCE.replace("{root}", server.root)).error() == ""
    return notebook


def test_a_cell_gets_the_path_of_data_and_the_source_is_asked_once(
    news: Notebook, server: Server
) -> None:
    shown = news.run(CELL)
    assert shown.error() == ""
    assert shown.text() == "a,b\n1,2\n\n"
    requests = len(server.asked)
    assert news.run(CELL).text() == "a,b\n1,2\n\n"
    relative = news.run('%%remote_gpu\nprint(open("data/news/a.csv").read())')
    assert relative.text() == "a,b\n1,2\n\n"
    assert len(server.asked) == requests
    assert news.run("print(News.asked)").text() == "1\n"
    runs = "get_ipython().remote_gpu_extension.machines.latest.session.runs()"
    recorded = news.run(f"print([run['datasets'] for run in {runs}])").text()
    assert recorded == f"{[{'data/news': 'kaggle://o/news@1'}] * 3}\n"


def test_what_cannot_be_had_is_an_error_of_the_cell(news: Notebook) -> None:
    shown = news.run('%%remote_gpu\ndataset("kaggle://o")')
    assert shown.ename() == "BadReferenceError"


def test_a_name_of_the_users_own_is_his(news: Notebook) -> None:
    news.run("dataset = [1, 2]")
    assert news.run("%%remote_gpu\nprint(dataset)").text() == "[1, 2]\n"
