"""`python -m examples.shop`: write the shop's products to `examples/data/` again."""

from __future__ import annotations

from .products import ARCHIVE, COUNT, write

if __name__ == "__main__":
    write()
    print(f"{ARCHIVE}: {COUNT} products, {ARCHIVE.stat().st_size / 1000:.0f} kB")
