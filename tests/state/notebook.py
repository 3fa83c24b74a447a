"""A notebook whose cells run here or on machines, driven as the magic drives it."""

from __future__ import annotations

import ast
import sys
from typing import Any

from jupyter_remote_gpu.state.home import Home, Moved
from jupyter_remote_gpu.state.hub import Hub
from tests.state.hosts import execute, fresh_main


class Coherent:
    """One notebook over this process and one machine or more.

    `hosts` are the machines; a cell's `where` is 0 for here and counts them from 1.
    """

    def __init__(self, *hosts: Any, trusted: bool = True) -> None:
        self.hosts = hosts
        self.host = hosts[0]
        self.main = fresh_main()
        self.names: dict[str, Any] = self.main.__dict__
        self.hub = Hub(self.names)
        machines = [f"gpu{number}" for number in range(1, len(hosts) + 1)]
        self.homes = [self.hub.join(machine, trusted=trusted) for machine in machines]
        self.home = self.homes[0]
        self._count = 0

    def fetch(self, home: Home, names: frozenset[str], optional: frozenset[str]) -> Moved:
        """Bring names from the machine of `home`."""
        return home.fetch(names, self.hosts[self.homes.index(home)], optional=optional)

    def here(self, source: str) -> tuple[str, str]:
        """Run a local cell; return what it printed and the type of its error."""
        before, sys.modules["__main__"] = sys.modules["__main__"], self.main
        try:
            self._count += 1
            filename = f"<here-{self._count}>"
            tree = ast.parse(source)
            self.hub.bring(tree, self.fetch)
            self.hub.record(source, filename)
            noted = self.hub.before_local(tree)
            result = execute(source, filename, self.names)
            self.hub.after_local(noted)
            return result
        finally:
            sys.modules["__main__"] = before

    def there(self, source: str, where: int = 1) -> tuple[str, str]:
        """Run a remote cell; return what it printed and the type of its error."""
        home, host = self.homes[where - 1], self.hosts[where - 1]
        self.hub.gather(source, home, self.fetch)
        departure = home.depart(source)
        departure = home.send_ahead(departure, host)
        out, error, report = host.run(departure.begin, source)
        home.commit(departure)
        home.complete(departure, report)
        return out, error

    def cell(self, source: str, *, remote: int) -> tuple[str, str]:
        """Run a cell here (0) or on a machine (from 1)."""
        return self.there(source, int(remote)) if remote else self.here(source)


def played(host: Any, cells: list[str]) -> str:
    """Run cells (`> ` for there) from an empty start; return what the last one printed."""
    host.restart()
    notebook, out = Coherent(host), ""
    for cell in cells:
        out, error = notebook.cell(cell.removeprefix("> "), remote=cell.startswith("> "))
        assert not error, (cell, error)
    return out.strip()
