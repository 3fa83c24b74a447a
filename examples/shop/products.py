"""The products themselves, put together by chance that is the same every time."""

from __future__ import annotations

import csv
import html
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

from .families import FAMILIES
from .words import ENDINGS, FOR, LINES, PLACES, WHEN, Fabric, Family, Feature

COUNT = 500
SEED = 2026
CSV_NAME = "sample-data.csv"
ARCHIVE = Path(__file__).parents[1] / "data" / "outdoor-products.zip"
_WHEN_MADE = (2026, 11, 23, 8, 0, 0)
_GRAMS_AN_OUNCE = 28.35
_GRAMS_A_LITER = 22
_SHORTS_BELOW_GRAMS = 240


@dataclass(frozen=True, slots=True)
class Product:
    """One row of the file: a number from 1, and the description with its HTML."""

    id: int
    description: str


def products(count: int = COUNT, seed: int = SEED) -> list[Product]:
    """Return that many products, the same ones for the same seed; no name occurs twice."""
    dice = Random(seed)
    names: set[str] = set()
    made: list[Product] = []
    while len(made) < count:
        # As in a shop, there are more jackets than gloves: each kind counts once.
        family, kind = dice.choice([(one, kind) for one in FAMILIES for kind in one.kinds])
        audience = dice.choice(FOR)
        name = f"{dice.choice(LINES)} {kind[0]}" + (f" - {audience}" if audience else "")
        if name not in names:
            names.add(name)
            made.append(Product(len(made) + 1, _description(dice, name, family, kind)))
    return made


def csv_text(made: list[Product]) -> str:
    """Return the products as the text of a CSV file with the columns `id` and `description`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "description"])
    writer.writerows([product.id, product.description] for product in made)
    return out.getvalue()


def write(path: Path = ARCHIVE) -> None:
    """Write the archive that the notebook uses: one CSV file in a zip."""
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo(CSV_NAME, _WHEN_MADE)
        info.external_attr = 0o644 << 16
        archive.writestr(info, csv_text(products()), zipfile.ZIP_DEFLATED, compresslevel=9)


def _description(dice: Random, name: str, family: Family, kind: tuple[str, int, int]) -> str:
    fabric = dice.choice(family.fabrics)
    features = dice.sample(family.features, dice.randint(3, min(5, len(family.features))))
    amount = dice.choice(fabric.amounts)
    made_of = " ".join(filter(None, (amount, fabric.text)))
    grams = dice.randint(kind[1], kind[2])
    prose = _prose(dice, family, fabric, made_of, features, grams)
    details = _details(dice, [one.detail for one in features], made_of, grams)
    return f"{name} - {html.escape(prose, quote=False)}{details}"


def _prose(
    dice: Random,
    family: Family,
    fabric: Fabric,
    made_of: str,
    features: list[Feature],
    grams: int,
) -> str:
    """Return the sentences about a product, as plain text; its last feature is left to the list."""
    cloth = dice.choice(
        (
            f"The {fabric.text.partition(' ')[2] if '%' in fabric.text[:4] else fabric.text}"
            f" {fabric.trait}.",
            f"We use {made_of}, which {fabric.trait}.",
            f"Made of {made_of}, it {fabric.trait}.",
        )
    )
    told = [feature.sentence for feature in features[:-1]]
    fit = dice.sample(family.fits, min(1, len(family.fits)))
    sentences = [dice.choice(family.openings), cloth, *told, *fit, dice.choice(ENDINGS)]
    return " ".join(filter(None, sentences)).format(
        when=dice.choice(WHEN),
        inches=dice.choice(("9", "11") if grams < _SHORTS_BELOW_GRAMS else ("30", "32 1/4")),
        liters=round(grams / _GRAMS_A_LITER),
    )


def _details(dice: Random, told: list[str], made_of: str, grams: int) -> str:
    """Return the list below the text, in the HTML of a shop that has seen several programs."""
    items = [
        f'"{html.escape(detail)}"' if dice.random() < 0.2 else html.escape(detail)
        for detail in told
    ]
    items.append(html.escape(made_of[:1].upper() + made_of[1:]))
    items.append(f"<b>Weight: </b>{grams} g ({grams / _GRAMS_AN_OUNCE:.1f} oz)")
    items.append(f"Made in {dice.choice(PLACES)}.")
    space = dice.choice((" ", ""))
    return (
        f"<br><br><b>Details:</b><ul>{space}{space.join(f'<li>{one}</li>' for one in items)}</ul>"
    )
