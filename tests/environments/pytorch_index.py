"""PyTorch's own index as uv meets it: https, a page for each build, reached through a proxy."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.environments.index import wheel_bytes

HOST = "download.pytorch.org"
Builds = Mapping[str, Mapping[str, Sequence[str]]]
"""{build: {package: versions}}"""


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for the host that only the environment of a test trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", str(key), "-out", str(certificate), "-subj", f"/CN={HOST}"]
    command += ["-addext", f"subjectAltName=DNS:{HOST}", "-addext", "basicConstraints=CA:FALSE"]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def _page(build: str, package: str, versions: Sequence[str]) -> str:
    names = [f"{package}-{version}+{build}-cp311-cp311-linux_x86_64.whl" for version in versions]
    links = [f'<a href="/whl/{build}/{name.replace("+", "%2B")}">{name}</a>' for name in names]
    return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>"


def _answer(path: str, builds: Builds) -> bytes | None:
    parts = path.replace("%2B", "+").strip("/").split("/")
    if len(parts) != 3 or parts[0] != "whl" or parts[1] not in builds:
        return None
    if parts[2] in builds[parts[1]]:
        return _page(parts[1], parts[2], builds[parts[1]][parts[2]]).encode()
    name, _, rest = parts[2].partition("-")
    version = rest.partition("-")[0]
    needs = [f"torch=={versions[0]}" for versions in [builds[parts[1]]["torch"]]]
    return wheel_bytes(name, version, needs if name == "torchvision" else [])


@contextmanager
def pytorch_index(
    builds: Builds, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Let uv find `builds` at PyTorch's address; yields the paths that were asked for."""
    certificate, key = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        """A proxy that is itself what lies behind it."""

        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            """Open the tunnel, and answer at its end."""
            if not self.path.startswith(f"{HOST}:"):
                self.send_error(502)
                return
            self.send_response(200)
            self.end_headers()
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb", 0)

        def do_GET(self) -> None:
            """Answer a request for a page or a wheel."""
            asked.append(self.path)
            body = _answer(self.path, builds)
            self.send_response(200 if body is not None else 404)
            kind = "application/octet-stream" if ".whl" in self.path else "text/html"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body or b"")

        do_HEAD = do_GET

        def finish(self) -> None:
            """Close the tunnel as well, which the server does not know of."""
            super().finish()
            self.connection.close()

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    try:
        yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
