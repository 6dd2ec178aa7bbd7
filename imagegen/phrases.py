"""Noun phrases of a prompt, and how they are put into English."""

from __future__ import annotations

from dataclasses import dataclass, field

from imagegen import english

ANIMATE = frozenset({"people", "animals", "fantasy", "occupations", "you"})
FEATURES = frozenset({"hair", "looks", "clothes", "expressions", "accessories"})
"""What somebody has: "긴 머리 소녀" is a girl with long hair."""
MODIFYING = frozenset({"colours", "materials", "seasons", "times", "patterns"})
"""What stands before another noun as it does in Korean: "가을 숲" is an autumn forest."""
SCENE = frozenset({"times", "seasons", "weather", "light"})
_WOMEN = frozenset("woman girl lady mother grandmother daughter sister queen princess actress bride waitress wife aunt "
                   "witch goddess schoolgirl mermaid maid nun empress girlfriend grandma".split())  # fmt: skip
_MEN = frozenset("man boy gentleman father grandfather son brother king prince groom husband uncle schoolboy monk "
                 "emperor boyfriend grandpa waiter".split())  # fmt: skip


@dataclass
class Phrase:
    """A noun with all that belongs to it.

    ``korean`` is the glossary key of the noun, ``role`` the particle after it, ``preposition`` what a noun of position
    gave it ("위" → on). ``before`` and ``after`` are modifiers in English.
    """

    korean: str
    head: str
    subject: str = ""
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    count: str = ""
    plural: bool = False
    role: str = ""
    preposition: str = ""
    joined: list[Phrase] = field(default_factory=list)
    style: bool = False

    @property
    def animate(self) -> bool:
        return self.subject in ANIMATE

    @property
    def noun(self) -> str:
        """The noun with what stands before it, without article."""
        head = english.plural(self.head) if self.plural else self.head
        return " ".join([*self.before, head])

    def pronoun(self) -> str:
        word = english.last_word(self.head)
        if self.plural:
            return "their"
        return "her" if word in _WOMEN else "his" if word in _MEN else "their"

    def english(self, *, bare: bool = False) -> str:
        """ "a woman with long hair"; ``bare`` leaves the article out."""
        return english.join([part._one(bare=bare) for part in (*self.joined, self)])

    def _one(self, *, bare: bool) -> str:
        if self.count:
            text = f"{self.count} {self.noun}"
            if self.count.split(" ", 1)[0] not in english_numbers() and self.count.endswith(" of"):
                text = english.article(text)
        else:
            bare = bare or self.plural or self.subject in ("colours", "patterns", "foreign")
            text = self.noun if bare else english.article(self.noun)
        after = [part.replace("{their}", self.pronoun()) for part in self.after]
        return " ".join([text, *after])

    def placed(self) -> str:
        """As a place, time or manner: "on a desk", "at sunset", "next to a cat and a dog"."""
        if self.preposition:
            preposition = "between" if self.preposition == "among" and self.joined else self.preposition
            return f"{preposition} {self.english()}"
        return english.place(self.english(), self.head)


def english_numbers() -> frozenset[str]:
    return frozenset(english.number(value) for value in range(1, 13)) | {"several", "a", "both", "many"}
