"""What the shop's products are made of: kinds of products, fabrics, features, places.

A **family** is what products have in common: a jacket against rain and one against wind are of
one family. All of it was written for this example; no shop's text was taken.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing a product has: as a sentence of the description, and as a line of the details."""

    sentence: str
    detail: str


@dataclass(frozen=True, slots=True)
class Fabric:
    """What a product is made of. `amounts` are possible numbers in front of `text`."""

    amounts: tuple[str, ...]
    text: str
    trait: str


@dataclass(frozen=True, slots=True)
class Family:
    """Products of one family. `kinds` are names with grams from and to; `fits` may be empty."""

    kinds: tuple[tuple[str, int, int], ...]
    openings: tuple[str, ...]
    fabrics: tuple[Fabric, ...]
    features: tuple[Feature, ...]
    fits: tuple[str, ...]


LINES = (
    "Alder", "Anvil Ridge", "Birchbark", "Blue Heron", "Boulderfield", "Bramble", "Cairn",
    "Cedar Creek", "Cinder", "Cloudberry", "Cold Spring", "Coldwater", "Copperline", "Curlew",
    "Dipper", "Driftwood", "Eastwind", "Elk Meadow", "Fernwood", "Fieldstone", "Firebreak",
    "Foxglove", "Frostline", "Granite Pass", "Greywacke", "Halyard", "Harrier", "Headland",
    "Heather", "High Tarn", "Hollow Oak", "Ibex", "Juniper", "Kestrel", "Kingfisher", "Lantern",
    "Larch", "Ledge", "Lichen", "Long Lake", "Marmot Hill", "Marsh Hawk", "Milkweed", "Moraine",
    "Mossback", "Night Ferry", "North Shore", "Osprey Point", "Otter", "Pine Marten", "Plover",
    "Quarry", "Rainshadow", "Redstart", "River Bend", "Rowan", "Saltgrass", "Sandpiper",
    "Scree", "Shoal", "Siltstone", "Skylark", "Snowfinch", "Spruce Bog", "Stonecrop", "Sundew",
    "Switchback", "Talus", "Tamarack", "Thistle", "Tidewater", "Timberline", "Treeline",
    "Two Rivers", "Wagtail", "Westerly", "Whitebeam", "Willow", "Windrow", "Yarrow",
)  # fmt: skip
FOR = ("men's", "women's", "kids'", "")
PLACES = (
    "Portugal", "Vietnam", "Romania", "Sri Lanka", "Thailand", "Slovenia", "Mexico", "Turkey",
    "Estonia", "Colombia",
)  # fmt: skip
WHEN = (
    "a wet week on the coast", "the walk to work", "long days above the trees",
    "a night at the hut", "the first snow", "shoulder-season trips", "early starts",
    "a season of field work", "days when the forecast is wrong", "the drive home afterwards",
    "hut-to-hut tours", "mornings at the crag", "a summer of guiding", "slow Sundays",
    "the ferry and what comes after it", "windy ridges", "campfires", "muddy paths with the dog",
)  # fmt: skip
ENDINGS = (
    "Send it back when it is worn out: we mend it, or make thread of it.",
    "If a seam opens, we sew it again for nothing.",
    "It is made in small batches, so sizes run out.",
    "We have tested it for two winters and changed only the label.",
    "Air it, mend it, and it will outlast the trip.",
    "The dye uses a third of the water that it used to.",
    "What is left over from cutting goes into our hats.",
    "Every part of it can be replaced by hand.",
    "It looks better with a few scratches.",
    "",
)
