"""The families of the shop's products: what each is called, made of, and good for."""

from __future__ import annotations

from .words import Fabric, Family, Feature

SHELLS = Family(
    (("rain jacket", 280, 460), ("wind jacket", 95, 180), ("storm parka", 520, 780)),
    (
        "Rain finds every gap in a jacket, so we left none in this one.",
        "A shell for people who go out anyway.",
        "Light enough to forget in the pack, and there when the sky turns black.",
        "This jacket keeps the weather where it belongs.",
        "Made for {when}, it sheds water all day and breathes on the way up.",
    ),
    (
        Fabric(
            ("2.4-oz", "2.8-oz", "3.1-oz"), "100% recycled nylon ripstop", "packs down to a fist"
        ),
        Fabric(
            ("3.5-oz", "3.9-oz"), "recycled polyester with a breathable membrane", "lets steam out"
        ),
        Fabric(("1.6-oz", "1.9-oz"), "nylon with a wax-free finish", "dries in the time of a tea"),
    ),
    (
        Feature("The hood fits over a helmet and turns with the head.", "Adjustable helmet hood"),
        Feature("Taped seams keep out what the fabric stops.", "Fully taped seams"),
        Feature("Long zippers under the arms let heat out.", "Two-way underarm zippers"),
        Feature("Both hand pockets sit above a hip belt.", "Two zippered pockets, belt friendly"),
        Feature("A drop tail covers the saddle side of you.", "Drop tail"),
        Feature("The cuffs close over gloves or under them.", "Low-bulk adjustable cuffs"),
        Feature("It stuffs into its own chest pocket.", "Stuffs into its chest pocket"),
        Feature("A flap behind the zipper stops the wind.", "Storm flap with chin guard"),
        Feature("The hem draws tight with one hand.", "One-handed hem drawcord"),
    ),
    ("The cut leaves room for a fleece.", "The fit is trim, with room to reach."),
)
WARM = Family(
    (
        ("down jacket", 340, 520),
        ("fleece pullover", 290, 430),
        ("insulated vest", 190, 290),
        ("wool cardigan", 410, 560),
    ),
    (
        "Warmth without the weight of a blanket.",
        "The layer you pull out first and put away last.",
        "For {when}, when standing still is the cold part.",
        "Soft on the inside, quiet on the outside, warm in between.",
        "There is a reason that this one is missing from the hook every morning.",
    ),
    (
        Fabric(
            ("6.2-oz", "7.0-oz", "8.4-oz"), "100% recycled polyester fleece", "keeps warm when damp"
        ),
        Fabric(
            ("0.8-oz", "1.1-oz"),
            "recycled nylon over 700-fill traceable down",
            "weighs next to nothing",
        ),
        Fabric(
            ("9.5-oz", "10.2-oz"),
            "boiled lambswool and recycled nylon",
            "shrugs off sparks and drizzle",
        ),
    ),
    (
        Feature("The collar stands up high and does not scratch.", "Brushed stand-up collar"),
        Feature("Deep pockets warm the hands.", "Two lined hand pockets"),
        Feature("Quilting keeps the filling where it was put.", "Narrow quilted channels"),
        Feature("Flat seams lie smooth under a pack.", "Flat-sewn shoulder seams"),
        Feature("Elastic at hem and cuffs holds the warm air.", "Elastic binding at hem and cuffs"),
        Feature("A pocket on the chest takes a phone or a map.", "Zippered chest pocket"),
        Feature("The zipper runs in a tunnel up to the chin.", "Full-length zipper with garage"),
        Feature("Elbows have a second layer where fleeces wear thin.", "Reinforced elbows"),
    ),
    ("The fit is regular, over a shirt and under a shell.", "It is cut close, for layering."),
)
BASE = Family(
    (
        ("base layer top", 120, 210),
        ("base layer bottoms", 110, 190),
        ("boxers", 60, 105),
        ("sports bra", 85, 140),
    ),
    (
        "What lies next to the skin decides how the day goes.",
        "It keeps its cool, especially when you do not.",
        "A first layer for {when}.",
        "Thin, quick and hard to notice: that is all it has to be.",
    ),
    (
        Fabric(("3.7-oz", "4.2-oz"), "100% recycled polyester knit", "dries while you walk"),
        Fabric(("4.6-oz", "5.3-oz"), "merino wool and recycled polyester", "stays fresh for days"),
        Fabric(("4.0-oz", "4.4-oz"), "merino wool jersey", "is soft from the first day"),
    ),
    (
        Feature("A brushed waistband lies flat and does not roll.", "Brushed elastic waistband"),
        Feature("Flat seams are turned away from the skin.", "Flat seams, turned outward"),
        Feature("Panels under the arms move without pulling.", "Gusseted underarms"),
        Feature("The long tail stays tucked in.", "Extended tail"),
        Feature("There is no label to cut out.", "Printed, label-free neck"),
        Feature("A natural finish keeps odor down.", "Odor control that does not wash out"),
        Feature("Thumb loops hold the sleeves under gloves.", "Thumb loops"),
    ),
    ("The fit is close, like a second skin.", "It sits near the body without squeezing."),
)
SHIRTS = Family(
    (
        ("sun shirt", 150, 220),
        ("flannel shirt", 290, 420),
        ("T-shirt", 130, 190),
        ("polo shirt", 170, 240),
    ),
    (
        "A shirt that goes from the trail to the table.",
        "Shade you can wear.",
        "The older it gets, the more you will like it.",
        "Nothing about it shouts, and everything about it lasts.",
        "For {when}, and for the photographs of it.",
    ),
    (
        Fabric(("4.1-oz", "4.5-oz"), "100% organic cotton jersey", "breathes on hot days"),
        Fabric(
            ("5.4-oz", "6.0-oz"), "organic cotton flannel, brushed on both sides", "is warm at once"
        ),
        Fabric(
            ("2.9-oz", "3.3-oz"), "hemp and recycled polyester", "dries quickly and wrinkles little"
        ),
    ),
    (
        Feature("The collar flips up against the sun.", "Sun-proof collar, 40+ UPF"),
        Feature("Sleeves roll up and stay there.", "Roll-up sleeves with tabs"),
        Feature("Vents across the back let the air through.", "Vented back yoke"),
        Feature("Two pockets button shut.", "Two button-through chest pockets"),
        Feature("A hidden pocket takes glasses or a passport.", "Hidden zippered side pocket"),
        Feature("Buttons are sewn on through and through.", "Cross-sewn buttons"),
        Feature("Taped shoulders keep it in shape under straps.", "Taped shoulder seams"),
    ),
    ("The fit is relaxed.", "The fit is slim, with room in the shoulders.", "It is cut straight."),
)
LEGS = Family(
    (
        ("hiking pants", 280, 400),
        ("shorts", 150, 230),
        ("rain pants", 245, 330),
        ("climbing pants", 300, 410),
    ),
    (
        "Knees are hard on pants, so these have spare cloth where it counts.",
        "For {when}, and for sitting on wet rock in between.",
        "They stretch where you do and stop there.",
        "From the parking lot to the pass, without changing.",
    ),
    (
        Fabric(("4.8-oz", "5.2-oz"), "recycled nylon with 6% spandex", "stretches and comes back"),
        Fabric(
            ("7.1-oz", "7.6-oz"),
            "organic cotton canvas with recycled nylon",
            "takes brambles calmly",
        ),
        Fabric(("2.6-oz", "3.0-oz"), "recycled polyester ripstop", "dries before the next shower"),
    ),
    (
        Feature("Knees are shaped, so that nothing pulls on a high step.", "Articulated knees"),
        Feature("A gusset gives room to climb and to squat.", "Gusseted crotch"),
        Feature("One thigh pocket is sized for a map.", "Zippered thigh pocket"),
        Feature("The waist fits under a harness.", "Flat, harness-friendly waistband"),
        Feature("Cuffs draw in over boots.", "Drawcord cuffs"),
        Feature("Legs unzip to the knee for airing out.", "Knee-high side zippers"),
        Feature("Back pockets close with a flap.", "Two flapped back pockets"),
    ),
    ('The inseam (size M) is {inches}".', 'They sit at the waist; the inseam is {inches}".'),
)
SOCKS = Family(
    (("hiking socks", 55, 95), ("ski socks", 80, 125), ("running socks", 30, 52)),
    (
        "Happy feet are half of the way.",
        "Blisters begin with the wrong sock.",
        "A sock for {when}.",
        "Knit in one piece, so that nothing rubs.",
    ),
    (
        Fabric(
            ("",), "68% merino wool, 30% recycled nylon and 2% elastane", "cushions without bulk"
        ),
        Fabric(("",), "75% recycled polyester, 22% nylon and 3% elastane", "moves sweat away"),
    ),
    (
        Feature("The heel is turned deep and stays put.", "Deep Y heel"),
        Feature("Toes are closed by hand, without a ridge.", "Hand-linked toe"),
        Feature("A band around the arch holds it in place.", "Arch support"),
        Feature("The sole is looped where boots press.", "Terry-loop sole"),
        Feature("The cuff holds without leaving a mark.", "Soft ribbed cuff"),
        Feature("Mesh over the foot lets it breathe.", "Mesh instep"),
    ),
    (),
)
HEADS = Family(
    (("beanie", 45, 95), ("sun hat", 65, 120), ("cap", 55, 85), ("neck warmer", 40, 80)),
    (
        "A small thing that makes a large difference.",
        "For {when}, and for bad hair on the day after.",
        "Knit like the one your uncle never takes off.",
        "It fits into any pocket and onto any head.",
    ),
    (
        Fabric(("",), "100% lambswool from two valleys", "is warm when wet"),
        Fabric(("3.2-oz", "3.8-oz"), "recycled nylon", "floats if the wind takes it"),
        Fabric(("",), "organic cotton with a little stretch", "washes like a shirt"),
    ),
    (
        Feature("The brim bends and keeps its bend.", "Bendable brim"),
        Feature("A soft band lies against the forehead.", "Soft inner headband"),
        Feature("It turns up or pulls down over the ears.", "Turn-up cuff"),
        Feature("A cord keeps it on in a gust.", "Removable chin cord"),
        Feature("The lining is thin fleece.", "Microfleece lining"),
        Feature("The back closes with a metal buckle.", "Adjustable metal buckle"),
    ),
    ("One size fits most.", "It comes in two sizes."),
)
HANDS = Family(
    (("gloves", 60, 140), ("mittens", 90, 190)),
    (
        "Cold fingers end more trips than bad weather.",
        "For {when}, with both hands free of pockets.",
        "Warm hands, and a grip on the zipper.",
    ),
    (
        Fabric(("5.0-oz", "5.8-oz"), "recycled polyester fleece", "keeps the wind out"),
        Fabric(("",), "goatskin with a wool lining", "gets better with wax"),
        Fabric(("2.2-oz",), "recycled nylon with synthetic filling", "stays warm in wet snow"),
    ),
    (
        Feature("The palm grips a rope or a pole.", "Reinforced palm"),
        Feature("Two fingers work on a phone.", "Touch-screen thumb and finger"),
        Feature("A loop hangs them on a carabiner to dry.", "Hanging loops"),
        Feature("The thumb has a soft patch for your nose.", "Soft thumb panel"),
        Feature("Long cuffs go over the sleeve.", "Gauntlet cuffs with drawcord"),
        Feature("Fingers are cut bent, as hands are.", "Pre-curved fingers"),
    ),
    (),
)
FEET = Family(
    (("hiking boots", 880, 1280), ("trail shoes", 540, 720), ("camp shoes", 310, 450)),
    (
        "Boots should need no apology at the end of the day.",
        "For {when}, on whatever the path is made of.",
        "They hold on wet roots and let go of mud.",
        "A shoe that was walked in for a year before we sold one.",
    ),
    (
        Fabric(("2.2 mm", "2.4 mm"), "full-grain leather", "molds to your foot"),
        Fabric(("",), "recycled nylon mesh with welded overlays", "drains through the sides"),
        Fabric(("1.6 mm",), "suede and recycled mesh", "needs no breaking in"),
    ),
    (
        Feature("A rubber rand guards the toe.", "Full rubber rand"),
        Feature("Lugs bite in mud and clean themselves.", "4 mm self-cleaning lugs"),
        Feature("The sole can be replaced by any cobbler.", "Resoleable construction"),
        Feature("Hooks lock the laces at the ankle.", "Locking lace hooks"),
        Feature("The tongue is sewn in against gravel.", "Bellows tongue"),
        Feature("The footbed comes out to dry.", "Removable cork footbed"),
    ),
    ("They come up half a size small.", "The last is wide at the toes.", "Sizes are true."),
)
PACKS = Family(
    (
        ("daypack", 480, 820),
        ("duffel bag", 690, 1250),
        ("hip pack", 140, 260),
        ("travel pack", 1080, 1590),
    ),
    (
        "It holds more than it looks, and looks after what it holds.",
        "For {when}, packed in five minutes.",
        "One big opening, and nothing lost at the bottom.",
        "Throw it on the roof, into the boat, under the bench.",
    ),
    (
        Fabric(
            ("9.0-oz", "10.5-oz"),
            "recycled polyester ripstop with a water-repellent coating",
            "wipes clean",
        ),
        Fabric(
            ("3.4-oz", "4.1-oz"), "recycled nylon, doubled at the bottom", "folds into its own lid"
        ),
        Fabric(("14.0-oz",), "waxed organic cotton canvas", "ages like a good chair"),
    ),
    (
        Feature("A padded sleeve keeps a laptop off the ground.", 'Raised 15" laptop sleeve'),
        Feature("Side pockets hold a liter bottle each.", "Two stretch bottle pockets"),
        Feature("The back panel leaves a channel for air.", "Ventilated back panel"),
        Feature("Daisy chains take whatever did not fit inside.", "Lash points and daisy chains"),
        Feature("Zippers have pulls for gloved hands.", "Large corded zipper pulls"),
        Feature("Straps hide behind a panel for the flight.", "Stowable shoulder straps"),
        Feature("A key clip sits where fingers find it.", "Inside pocket with key clip"),
    ),
    ("It holds {liters} liters.", "{liters} liters, by peas, not by marketing."),
)
FAMILIES = (SHELLS, WARM, BASE, SHIRTS, LEGS, SOCKS, HEADS, HANDS, FEET, PACKS)
