"""A small package index on this computer: odd packages, passwords, and what was asked for."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = "reader", "pa55word"

_BACKEND = """
import os
FILE, WHEEL = {file!r}, {wheel!r}
def build_wheel(folder, config_settings=None, metadata_directory=None):
    with open(os.path.join(folder, FILE), "wb") as out:
        out.write(WHEEL)
    return FILE
"""
_PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def wheel_bytes(
    name: str, version: str, requires: Sequence[str] = (), tag: str = "py3-none-any"
) -> bytes:
    """Return a wheel with one module that says its version."""
    module = name.replace("-", "_")
    inner = f"{module}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    files = {
        f"{module}.py": f"__version__ = {version!r}\n",
        f"{inner}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{inner}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        f"Tag: {tag}\n",
    }
    files[f"{inner}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{inner}/RECORD"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return out.getvalue()


def sdist_bytes(name: str, version: str, *, builds: bool = True) -> bytes:
    """Return a source archive that builds without any other package, or says that it cannot."""
    files = {
        "pyproject.toml": _PROJECT,
        "backend.py": _BACKEND.format(
            file=f"{name}-{version}-py3-none-any.whl", wheel=wheel_bytes(name, version)
        ),
        # From version 2.2 on, what is needed is known without building.
        "PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n",
    }
    if not builds:
        files["backend.py"] = "raise SystemExit('there is no compiler')\n"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


@dataclass
class Index:
    """What is served: {package: {file: (bytes, yanked)}}, and every path that was asked for."""

    private: bool = False
    packages: dict[str, dict[str, tuple[bytes, bool]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def wheel(
        self,
        name: str,
        version: str,
        *requires: str,
        tag: str = "py3-none-any",
        yanked: bool = False,
    ) -> None:
        """Add a wheel."""
        file = f"{name.replace('-', '_')}-{version}-{tag}.whl"
        self._add(name, file, wheel_bytes(name, version, requires, tag), yanked)

    def sdist(self, name: str, version: str, *, builds: bool = True) -> None:
        """Add a source archive."""
        content = sdist_bytes(name, version, builds=builds)
        self._add(name, f"{name}-{version}.tar.gz", content, False)

    def _add(self, name: str, file: str, content: bytes, yanked: bool) -> None:
        self.packages.setdefault(name, {})[file] = (content, yanked)

    @property
    def url(self) -> str:
        """Return the index's address, with the password where one is needed."""
        who = f"{USER}:{PASSWORD}@" if self.private else ""
        return f"http://{who}127.0.0.1:{self.port}/simple"

    def answer(self, path: str, authorization: str | None) -> tuple[int, bytes, str]:
        """Return status, body and type for a request."""
        self.asked.append(path)
        right = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.private and authorization != f"Basic {right}":
            return 401, b"", "text/plain"
        parts = path.strip("/").split("/")
        if len(parts) == 2 and parts[0] == "simple" and parts[1] in self.packages:
            return 200, self._page(parts[1]).encode(), "text/html"
        for files in self.packages.values():
            if parts[-1] in files:
                return 200, files[parts[-1]][0], "application/octet-stream"
        return 404, b"", "text/plain"

    def _page(self, name: str) -> str:
        links = []
        for file, (content, yanked) in self.packages[name].items():
            digest = hashlib.sha256(content).hexdigest()
            mark = ' data-yanked="broken"' if yanked else ""
            links.append(f'<a href="/files/{html.escape(file)}#sha256={digest}"{mark}>{file}</a>')
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>"


@contextmanager
def serving(index: Index) -> Iterator[Index]:
    """Serve an index on a free port of this computer."""

    class Handler(BaseHTTPRequestHandler):
        """Hands each request to the index."""

        def do_GET(self) -> None:
            """Answer a request."""
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            """Answer a request for a file's size."""
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            status, body, kind = index.answer(self.path, self.headers.get("Authorization"))
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
