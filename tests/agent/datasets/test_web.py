"""The way to a server through a machine's proxy: who asks is told, and what is asked is not."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator

import pytest

from jupyter_remote_gpu.agent.datasets import web
from jupyter_remote_gpu.agent.datasets.job import Link
from jupyter_remote_gpu.agent.datasets.web import Web, WebError
from tests.datasets.emulators.kaggle import Kaggle
from tests.datasets.emulators.serving import serving
from tests.datasets.emulators.storage import Storage

LOGIN = f"Basic {base64.b64encode(b'ann:p@ss').decode()}"


@pytest.fixture(autouse=True)
def _environ(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    web._proxy_of.cache_clear()
    yield
    web._proxy_of.cache_clear()


def test_a_proxy_is_used_and_told_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(storage := Storage()), serving(proxy := Kaggle(storage)):
        storage.put("/f", b"data")
        monkeypatch.setenv("http_proxy", f"http://ann:p%40ss@127.0.0.1:{proxy.port}")
        one = Web()
        answer = one.get(Link(storage.signed("/f")), 0, 4, None)
        buffer = memoryview(bytearray(4))
        assert (answer.read_into(buffer), bytes(buffer)) == (4, b"data")
        one.drop()
        (asked,) = storage.asked
        assert asked.headers["proxy-authorization"] == LOGIN
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        web._proxy_of.cache_clear()
        one.get(Link(storage.signed("/f")), 0, 4, None)
        one.drop()
        assert "proxy-authorization" not in storage.asked[-1].headers


def test_through_a_proxy_to_https_the_address_stays_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    came = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def refuse() -> None:
            connection, _ = proxy.accept()
            with connection:
                while b"\r\n\r\n" not in came:
                    came.extend(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        answering = threading.Thread(target=refuse)
        answering.start()
        monkeypatch.setenv("https_proxy", f"ann:p%40ss@127.0.0.1:{proxy.getsockname()[1]}")
        with pytest.raises(WebError, match="the proxy answers 403 Forbidden"):
            Web().get(Link("https://store.example.org/f?X-Goog-Signature=abc"), 0, 4, None)
        answering.join()
    told = came.decode()
    assert told.startswith("CONNECT store.example.org:443 HTTP/1.")
    assert f"Proxy-Authorization: {LOGIN}" in told
    assert "abc" not in told
