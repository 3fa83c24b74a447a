"""`dataset("…")` in a remote cell: the data's path on the machine, fetched when it is asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.agent.datasets.serving import Server, serving
from tests.conftest import Place
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
    assert "kaggle://o/news@1, 1 file, 8 bytes, fetched" in shown.line()
    requests = len(server.asked)
    assert news.run(CELL).text() == "a,b\n1,2\n\n"
    relative = news.run('%%remote_gpu\nprint(open("data/news/a.csv").read())')
    assert relative.text() == "a,b\n1,2\n\n"
    assert len(server.asked) == requests
    assert news.run("print(News.asked)").text() == "1\n"
    runs = "get_ipython().remote_gpu_extension.machines.latest.session.runs()"
    recorded = news.run(f"print([run['datasets'] for run in {runs}])").text()
    assert recorded == f"{[{'data/news': 'kaggle://o/news@1'}] * 3}\n"


def test_a_run_s_data_are_listed_with_it(news: Notebook) -> None:
    news.run(CELL)
    listed = news.run("%remote_gpu runs").text()
    assert listed.count("data/news is kaggle://o/news@1 from here on\n") == 1


def test_data_of_one_name_have_a_path_each(news: Notebook, server: Server) -> None:
    first = news.run('%%remote_gpu\nprint((a := dataset("kaggle://o/news")).name)')
    assert first.text() == "news\n"
    code = 'b = dataset("kaggle://p/news")\nprint(b.name, a != b, (b / "a.csv").exists())'
    second = news.run(f"%%remote_gpu\n{code}")
    assert re.fullmatch(r"news-[0-9a-f]{8} True True\n", second.text())
    assert "data/news is kaggle://o/news@1" in second.line()
    named = news.run('%%remote_gpu --datasets kaggle://p/news\nprint("ran")')
    assert named.ename() == "InTheWayError"
    assert "--as NAME" in named.error()


def test_a_public_notebook_is_told_where_its_files_are(news: Notebook) -> None:
    shown = news.run('%%remote_gpu\nopen("/kaggle/input/news/a.csv")')
    assert "kaggle://o/news@1 is at data/news on embedded: read data/news/a.csv" in shown.line()
    assert shown.ename() == "FileNotFoundError"


def test_what_lies_here_is_sent_as_it_is_and_looked_at_each_time(news: Notebook) -> None:
    news.run("import os\nos.makedirs('rows', exist_ok=True)")
    for text in ("1", "22"):
        news.run(f"open('rows/x.csv', 'w').write('{text}');")
        shown = news.run('%%remote_gpu\nprint((dataset("./rows") / "x.csv").read_text())')
        assert (shown.error(), shown.text()) == ("", f"{text}\n")


def test_what_a_restarted_machine_has_lost_is_fetched_anew(
    news: Notebook, server: Server, place: Place
) -> None:
    assert news.run(CELL).error() == ""
    made = place.state.rglob("record.json")
    record = next(path for path in made if "kaggle://o/news@1" in path.read_text())
    file = record.parent / "files" / "a.csv"
    record.write_text(json.dumps({**json.loads(record.read_bytes()), "boot": "before"}))
    file.chmod(0o600)
    file.write_text("a,")
    requests = len(server.asked)
    assert news.run(CELL).text() == "a,b\n1,2\n\n"
    assert len(server.asked) > requests


def test_threads_of_a_cell_ask_side_by_side(news: Notebook) -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor() as pool:
    made = list(pool.map(dataset, [f"kaggle://o/many{n}" for n in range(3)]))
print([one.name for one in made])
"""
    shown = news.run(f"%%remote_gpu{code}")
    assert shown.error() == ""
    assert shown.text() == f"{[f'many{n}' for n in range(3)]}\n"


def test_what_cannot_be_had_is_an_error_of_the_cell(news: Notebook) -> None:
    shown = news.run('%%remote_gpu\ndataset("kaggle://o")')
    assert shown.ename() == "BadReferenceError"


def test_a_name_of_the_users_own_is_his(news: Notebook) -> None:
    news.run("dataset = [1, 2]")
    assert news.run("%%remote_gpu\nprint(dataset)").text() == "[1, 2]\n"
