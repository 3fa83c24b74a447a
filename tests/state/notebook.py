"""A notebook whose cells run here or there, driven as the magic drives it."""

from __future__ import annotations

import ast
import sys
from typing import Any

from jupyter_remote_gpu.state.home import Home
from tests.state.hosts import execute, fresh_main


class Coherent:
    """One notebook over two sides; `host` is the other one."""

    def __init__(self, host: Any) -> None:
        self.host = host
        self.main = fresh_main()
        self.names: dict[str, Any] = self.main.__dict__
        self.home = Home(self.names, "gpu1")
        self._count = 0

    def here(self, source: str) -> tuple[str, str]:
        """Run a local cell; return what it printed and the type of its error."""
        before, sys.modules["__main__"] = sys.modules["__main__"], self.main
        try:
            self._count += 1
            filename = f"<here-{self._count}>"
            tree = ast.parse(source)
            wanted = self.home.wanted(tree)
            if wanted:
                self.home.fetch(wanted, self.host)
            self.home.record(source, filename)
            noted = self.home.before_local(tree)
            result = execute(source, filename, self.names)
            self.home.after_local(noted)
            return result
        finally:
            sys.modules["__main__"] = before

    def there(self, source: str) -> tuple[str, str]:
        """Run a remote cell; return what it printed and the type of its error."""
        departure = self.home.depart(source)
        departure = self.home.send_ahead(departure, self.host)
        out, error, report = self.host.run(departure.begin, source)
        self.home.commit(departure)
        self.home.complete(departure, report)
        return out, error

    def cell(self, source: str, *, remote: bool) -> tuple[str, str]:
        """Run a cell on either side."""
        return self.there(source) if remote else self.here(source)
