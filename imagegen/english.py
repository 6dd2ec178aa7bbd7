"""The little English grammar that a prompt needs: articles, plurals, -ing forms, participles, prepositions.

A noun is judged by its last word, so that "a bowl of rice" and "cherry blossom path" need no entries of their own.
"""

from __future__ import annotations

import re

MASS = frozenset(
    "rain snow hair light water sunlight moonlight starlight lamplight candlelight daylight backlight smoke fog mist "
    "dust sand grass ice fire food coffee tea milk juice beer wine soju makgeolli rice bread soup meat fish kimchi "
    "ramen pasta spaghetti cheese butter chocolate honey sugar cotton silk wool leather denim lace velvet linen fur "
    "metal gold silver copper bronze iron steel glass marble wood stone paper plastic clay porcelain concrete lightning "
    "thunder weather air wind music furniture clothing makeup jewelry skin sweat blood mud soil foliage greenery ivy "
    "moss bamboo wheat corn spring summer autumn winter dawn dusk twilight night noon midnight morning evening "
    "afternoon sunset sunrise anime manga art photography calligraphy graffiti fireworks snowfall sunshine haze frost "
    "dew lava magic energy space outer-space mid-air seaweed tteokbokki bibimbap bulgogi kimbap gimbap japchae "
    "samgyeopsal sushi pizza tofu curry steak salad popcorn cotton-candy candy cream caramel jam ginseng "
    "happiness sadness anger joy fear love loneliness peace silence freedom nostalgia calm melancholy hope longing "
    "surprise disgust shyness excitement boredom wonder bliss traffic luggage laundry rubble garbage trash ink paint "
    "equipment software lighting baseball soccer basketball volleyball tennis golf badminton yoga boxing swimming skiing surfing "
    "graphite charcoal watercolor gouache acrylic lava fabric tweed corduroy nylon velour rubber amber jade ivory "
    "scenery landscape nature darkness brightness shade contrast symmetry bokeh grain background foreground midground "
    "black white red blue green yellow pink purple orange brown gray beige navy turquoise lavender mint".split()
)
"""Nouns that take no article."""

THE = frozenset(
    "sea sky moon sun ocean earth beach seaside countryside city-center wind rain snow background foreground "
    "milky-way horizon world universe distance dark shade morning afternoon evening night-sky mountains woods "
    "right left center middle top bottom side".split()
)
"""Nouns that take "the" after a preposition."""

ON = frozenset(
    "path road street trail bridge roof rooftop desk table bed sofa couch chair bench grass lawn hill mountain stage "
    "island beach seaside boat ship train bus subway bicycle bike motorcycle horse shore coast riverside floor wall "
    "swing branch cliff balcony terrace veranda stairs staircase blanket cushion carpet rug plate tray shelf windowsill "
    "cloud planet moon ground snow ice snowfield field runway platform pier dock track court highway alley-wall head "
    "face shoulder hand lap back knee finger neck crosswalk sidewalk hammock mat stool armchair railing counter sand "
    "lakeside sea-wall hilltop summit peak deck plain prairie meadow day birthday weekend holiday "
    "anniversary farm promenade boulevard avenue".split()
)
AT = frozenset(
    "station stop festival party night dusk dawn sunset sunrise noon midnight twilight airport concert window "
    "entrance gate door wedding school-gate counter crossing intersection school office home work desk-side harbor "
    "port market crossroads bar-counter bus-stop picnic ceremony graduation".split()
)
IN_THE = frozenset("morning afternoon evening rain wind fog mist snow dark distance background sun sunlight".split())

_IRREGULAR_PLURAL = {
    "woman": "women", "man": "men", "child": "children", "person": "people", "foot": "feet", "tooth": "teeth",
    "mouse": "mice", "goose": "geese", "wolf": "wolves", "leaf": "leaves", "knife": "knives", "shelf": "shelves",
    "fish": "fish", "sheep": "sheep", "deer": "deer", "half": "halves", "loaf": "loaves", "scarf": "scarves",
    "elf": "elves", "grandchild": "grandchildren", "maple leaf": "maple leaves", "fireman": "firemen",
    "policeman": "policemen", "snowman": "snowmen", "hero": "heroes", "potato": "potatoes", "tomato": "tomatoes",
    "goldfish": "goldfish", "jellyfish": "jellyfish", "clownfish": "clownfish", "carp": "carp", "hanbok": "hanbok",
}  # fmt: skip
_PARTICIPLES = {
    "take": "taken", "draw": "drawn", "make": "made", "write": "written", "build": "built", "hang": "hung",
    "tie": "tied", "cut": "cut", "wear": "worn", "hold": "held", "see": "seen", "put": "put", "set": "set",
    "spread": "spread", "tear": "torn", "break": "broken", "throw": "thrown", "give": "given", "buy": "bought",
    "eat": "eaten", "drink": "drunk", "ride": "ridden", "drive": "driven", "sing": "sung", "leave": "left",
    "fold": "folded", "light": "lit", "read": "read", "keep": "kept", "bring": "brought", "knit": "knitted",
    "sew": "sewn", "shoot": "shot", "catch": "caught", "grow": "grown", "wrap": "wrapped", "stack": "stacked",
    "plant": "planted", "braid": "braided", "know": "known", "hide": "hidden", "lay": "laid", "sow": "sown",
    "feed": "fed", "find": "found", "lose": "lost", "win": "won", "meet": "met", "fly": "flown", "choose": "chosen",
    "wind": "wound", "fill": "filled", "decorate": "decorated", "stand": "standing", "sit": "seated",
}  # fmt: skip
_DOUBLED = frozenset("run swim sit put cut hit get dig hug jog skip hop stop step wrap shop chat nod rub knit pet beg "
                     "drop clap slip tap trim grin spin win hum shut set let plan pat tip zip strum mop bat sip nap "
                     "lap flip snap scrub stir drum squat".split())  # fmt: skip
_SMALL_NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve".split())  # fmt: skip
LOOSE_PREPOSITIONS = frozenset("at to on in with for into of from through over across toward along down up".split())
MOTION = frozenset("walk run fly stroll swim wander jog march climb ride gallop dash crawl glide drift fall".split())


def last_word(phrase: str) -> str:
    """The noun that decides: the last word before the first preposition."""
    head = re.split(r" (?:of|with|in|on|at|from|for|under|near) ", phrase, maxsplit=1)[0]
    return head.rpartition(" ")[2].casefold()


def is_plural(phrase: str) -> bool:
    """Whether a noun names several things already ("shoes", "people")."""
    word = last_word(phrase)
    if word in _IRREGULAR_PLURAL.values() and word not in ("fish", "sheep", "deer", "carp", "hanbok", "jellyfish"):
        return True
    return word.endswith("s") and not word.endswith(("ss", "us", "is", "dress", "lens", "canvas", "iris"))


def is_mass(phrase: str) -> bool:
    return last_word(phrase) in MASS


def plural(phrase: str) -> str:
    """``phrase`` with its deciding noun in the plural: "pair of shoes" → "pairs of shoes"."""
    if is_plural(phrase) or is_mass(phrase):
        return phrase
    head, rest = _split_head(phrase)
    before, space, word = head.rpartition(" ")
    return f"{before}{space}{_plural_word(word)}{rest}"


def _split_head(phrase: str) -> tuple[str, str]:
    found = re.search(r" (?:of|with|in|on|at|from|for|under|near) ", phrase)
    return (phrase[: found.start()], phrase[found.start() :]) if found else (phrase, "")


def _plural_word(word: str) -> str:
    if word in _IRREGULAR_PLURAL:
        return _IRREGULAR_PLURAL[word]
    for ending in ("woman", "man"):
        if word.endswith(ending) and word not in ("human", "german"):
            return word[: -len(ending)] + _IRREGULAR_PLURAL[ending]
    if re.search(r"(s|x|z|ch|sh)$", word):
        return word + "es"
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + "s"


def article(phrase: str) -> str:
    """``phrase`` with "a" or "an" where it is one countable thing."""
    if (
        not phrase
        or is_plural(phrase)
        or is_mass(phrase)
        or re.match(r"(?:a|an|the|her|his|their|no)\b|\d+(?!\d|-)", phrase)
    ):
        return phrase
    if last_word(phrase) in THE:
        return f"the {phrase}"
    if phrase[0].isupper() and " " not in phrase:
        return phrase
    vowel = re.match(r"(?:[aeio]|u(?!ni|s[eu]|kulele|fo)|hour|honest|heir|8|1[18]-)", phrase.casefold())
    return f"{'an' if vowel else 'a'} {phrase}"


def gerund(verb: str) -> str:
    """ "hold an umbrella" → "holding an umbrella"; text that is no verb in its base form is left as it is."""
    word, space, rest = verb.partition(" ")
    if word == "be":
        return rest
    if word.endswith("ing") and word not in ("sing", "bring", "swing", "ring", "sting", "string", "fling", "cling"):
        return verb
    return _ing(word) + space + rest


def _ing(word: str) -> str:
    if word.endswith("ie"):
        return word[:-2] + "ying"
    if word.endswith("e") and not word.endswith(("ee", "oe", "ye")):
        return word[:-1] + "ing"
    return word + word[-1] + "ing" if word in _DOUBLED else word + "ing"


def participle(verb: str) -> str:
    """ "draw" → "drawn"; the first word alone is changed."""
    word, space, rest = verb.partition(" ")
    if word in _PARTICIPLES:
        return _PARTICIPLES[word] + space + rest
    if word.endswith("e"):
        made = word + "d"
    elif re.search(r"[^aeiou]y$", word):
        made = word[:-1] + "ied"
    else:
        made = word + word[-1] + "ed" if word in _DOUBLED else word + "ed"
    return made + space + rest


def adverb(adjective: str) -> str:
    """ "bright" → "brightly"; phrases and words that are adverbs already stay."""
    if " " in adjective or "-" in adjective or adjective.endswith("ly") or adjective in ("fast", "hard", "high", "low"):
        return adjective
    if re.search(r"[^aeiou]y$", adjective):
        return adjective[:-1] + "ily"
    if adjective.endswith("le"):
        return adjective[:-1] + "y"
    return adjective + ("ally" if adjective.endswith("ic") else "ly")


def place(phrase: str, head: str) -> str:
    """``phrase`` as a place or a time with the preposition that its noun takes: "on a street", "at night"."""
    word = last_word(head)
    bare = phrase.removeprefix("the ")
    if word in IN_THE and bare == head:
        return f"in the {bare}"
    if word == "night" and bare != word:  # on a rainy night, but at night
        return f"on {bare if bare.startswith(('a ', 'an ')) else f'a {bare}'}"
    preposition = "at" if word in AT else "on" if word in ON else "in"
    return f"{preposition} the {bare}" if word in THE and not phrase.startswith("the ") else f"{preposition} {phrase}"


def number(value: int) -> str:
    return _SMALL_NUMBERS[value] if 0 <= value < len(_SMALL_NUMBERS) else str(value)


def join(parts: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1] if parts else ""
