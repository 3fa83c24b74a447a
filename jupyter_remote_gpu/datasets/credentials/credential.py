"""What tells a source who asks, and where it was found; it shows itself to nobody."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credential:
    """A token, or a user's name with a key. `where` is said in messages; the rest never is."""

    where: str
    secret: str = field(repr=False)
    user: str = ""

    @property
    def header(self) -> dict[str, str]:
        """The header that goes to the source itself and to no other origin."""
        if not self.user:
            return {"Authorization": f"Bearer {self.secret}"}
        both = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {both}"}


def usable(text: str | None) -> str:
    """Return a secret as it can stand in a header: without the white space that files end in.

    What could not stand in one is taken as absent: libraries would write it into
    the error's message.
    """
    plain = (text or "").strip()
    fine = plain.isascii() and plain.isprintable() and " " not in plain
    return plain if fine else ""
