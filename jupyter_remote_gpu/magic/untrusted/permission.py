"""The user's one-time yes: code of this machine may run in the page."""

from __future__ import annotations


class PagePermission:
    """Whether scripts and widgets with code of their own may come from one machine.

    One yes for both, as there is no difference between them: either is a
    program in the page, which can do there what its user can. It holds for
    this kernel's life. Ids stay private and texts clean all the same.
    """

    def __init__(self, allowed: bool = False) -> None:
        self._allowed = allowed

    @property
    def allowed(self) -> bool:
        """Whether the user has said yes."""
        return self._allowed

    def allow(self) -> None:
        """Take note of the yes; what was left out comes when its cell is run again."""
        self._allowed = True
