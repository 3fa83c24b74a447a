"""Asking servers from here: silence, proxies, rests that are asked for."""

from __future__ import annotations

import base64
import time
from email.utils import formatdate

import pytest
import urllib3

from jupyter_remote_gpu.datasets import web
from jupyter_remote_gpu.datasets.web import Answer, Web
from jupyter_remote_gpu.errors import SourceDownError
from tests.datasets.emulators.kaggle import Kaggle
from tests.datasets.emulators.serving import Reply
from tests.datasets.emulators.storage import Storage


@pytest.fixture
def server(storage: Storage) -> Storage:
    """A server with one file for everybody."""
    storage.signs = False
    storage.put("/f", b"data")
    return storage


def _web(pauses: list[float] | None = None) -> Web:
    return Web("the source", pause=(pauses if pauses is not None else []).append)


def test_a_server_that_falls_silent_is_asked_again(
    server: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "_TIMEOUT", urllib3.Timeout(connect=5, read=0.5))
    go = server.faults.hold("/f")
    assert _web().ask("GET", f"{server.url}/f").body == b"data"
    go.set()
    held = [server.faults.hold("/f") for _ in range(4)]
    with pytest.raises(SourceDownError, match="the source did not answer"):
        _web().ask("GET", f"{server.url}/f")
    for one in held:
        one.set()


def test_a_proxy_is_used_and_told_who_asks(
    kaggle: Kaggle, server: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://ann:p%40ss@127.0.0.1:{kaggle.port}")
    monkeypatch.setenv("NO_PROXY", "")
    assert _web().ask("GET", f"{server.url}/f").body == b"data"
    (asked,) = server.asked
    login = base64.b64encode(b"ann:p@ss").decode()
    assert asked.headers["proxy-authorization"] == f"Basic {login}"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    _web().ask("GET", f"{server.url}/f")
    assert "proxy-authorization" not in server.asked[-1].headers


def test_a_short_rest_is_taken_and_a_long_one_is_told(server: Storage) -> None:
    pauses: list[float] = []
    for headers in ({"Retry-After": "3"}, {"RateLimit": '"api";r=0;t=7'}, {}):
        server.faults.answer("/f", Reply(429, headers))
    assert _web(pauses).ask("GET", f"{server.url}/f").status == 200
    assert pauses == [3, 7, 2]
    server.faults.answer("/f", Reply(429, {"RateLimit": '"api";r=0;t=200'}))
    long = _web(pauses).ask("GET", f"{server.url}/f")
    assert (long.status, long.retry_after) == (429, 200)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "12"}, 12),
        ({"ratelimit": '"api";r=499;t=55'}, None),
        ({"ratelimit": '"api";r=0;t=55', "retry-after": "12"}, 55),
    ],
)
def test_how_long_a_rest_is_to_be(headers: dict[str, str], seconds: float | None) -> None:
    assert Answer("", 429, headers).retry_after == seconds


def test_a_rest_until_a_date() -> None:
    date = formatdate(time.time() + 600, usegmt=True)
    found = Answer("", 429, {"retry-after": date}).retry_after
    assert found is not None
    assert 500 < found <= 600
