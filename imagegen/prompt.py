"""From a Korean wish to the prompts that a diffusion model takes: ``prompt``, ``prompt_2`` and the negative prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from imagegen.errors import PromptError, UnknownProfile
from imagegen.keywords import Embed, Keyword, extract
from imagegen.paraphrase import LanguageModel, paraphrases
from imagegen.translate import GlossaryTranslator, Translation, Translator
from imagegen.weighting import escape, parse_weights, weighted

PROFILES = Path(__file__).parent / "profiles.json"
AUTO = "auto"
USUAL = "anime"
LONGEST = 2000
REJECTED_WEIGHT = 1.3
"""Of what the user does not want, in the negative prompt: it counts more than the usual flaws."""


@dataclass(frozen=True)
class Profile:
    """What a kind of picture adds: a style tag, quality words, what is never wanted, and the words that call for it."""

    name: str
    korean: str
    style: str
    quality: tuple[str, ...]
    negative: tuple[str, ...]
    cues: tuple[str, ...]


@dataclass(frozen=True)
class PicturePrompt:
    """Everything that a wish became.

    ``prompt`` says what is to be seen, ``prompt_2`` repeats its keywords by weight with the profile's quality words (the
    second text encoder of SDXL reads it), ``negative`` says what is not; all three are in weight syntax. ``single`` is
    for models with one text encoder.
    """

    wish: str
    profile: str
    paraphrases: tuple[str, ...]
    translations: tuple[str, ...]
    keywords: tuple[Keyword, ...]
    prompt: str
    prompt_2: str
    negative: str
    quality: tuple[str, ...]
    unknown: tuple[tuple[str, str], ...]

    @property
    def single(self) -> str:
        """Subject, then the profile's words, for one text encoder."""
        return ", ".join([self.prompt, *self.quality])

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=2)


@lru_cache(maxsize=1)
def profiles() -> dict[str, Profile]:
    """The profiles by name, as ``profiles.json`` has them."""
    read: dict[str, dict[str, Any]] = json.loads(PROFILES.read_text(encoding="utf-8"))
    return {
        name: Profile(
            name, one["korean"], one["style"], tuple(one["quality"]), tuple(one["negative"]), tuple(one["cues"])
        )
        for name, one in read.items()
    }


def find_profile(name: str, translation: Translation) -> Profile:
    """The named profile; ``auto``: the one whose cue words the wish has, in its style before its subject.

    Raises:
        UnknownProfile: with the names that there are.
    """
    known = profiles()
    if name != AUTO:
        if name not in known:
            raise UnknownProfile(f"there is no profile {name!r}: take one of {', '.join([AUTO, *known])}")
        return known[name]
    for text in (", ".join(translation.styles), ", ".join(translation.segments)):
        longest = {
            name: max((len(cue) for cue in one.cues if _holds(text, cue)), default=0) for name, one in known.items()
        }
        best = max(longest, key=lambda name: longest[name])
        if longest[best]:
            return known[best]
    return known[USUAL]


def make_prompt(
    wish: str,
    *,
    profile: str = AUTO,
    translator: Translator | None = None,
    embed: Embed | None = None,
    model: LanguageModel | None = None,
    count: int = 6,
) -> PicturePrompt:
    """The whole way from a wish to prompts.

    Args:
        wish: Korean; a wish without hangul is taken as an English prompt, with its weights.
        profile: a name, or ``auto``.
        translator: default: the glossary.
        embed: for keywords by meaning; see `imagegen.keywords`.
        model: for paraphrases; see `imagegen.paraphrase`.
        count: paraphrases, the wish included.

    Raises:
        PromptError: an empty or an endless wish, an unknown profile.
        TranslationError: the translator gave nothing.
    """
    wish = wish.strip()
    if not wish:
        raise PromptError("the wish is empty: say what the picture shows")
    if len(wish) > LONGEST:
        raise PromptError(f"the wish has {len(wish)} characters, and {LONGEST} are the most: say less")
    if not re.search("[가-힣ㄱ-ㅎㅏ-ㅣ]", wish):
        return _from_english(wish, profile, embed)
    translator = translator or GlossaryTranslator()
    translation = translator.translate(wish)
    said = paraphrases(wish, count=count, model=model)
    others = [translator.translate(text) for text in said]
    english = [translation.english, *(one.english for one in others)]
    keywords = extract([text for text in english if text], embed)
    unknown = dict(pair for one in (translation, *(others if model is not None else ())) for pair in one.unknown)
    chosen = find_profile(profile, translation)
    subject = [escape(part) for part in (*translation.segments, *translation.styles)]
    return _put_together(
        wish, chosen, subject, keywords, translation.negatives, tuple(said), tuple(english), tuple(unknown.items())
    )


def _from_english(wish: str, profile: str, embed: Embed | None) -> PicturePrompt:
    pieces = parse_weights(wish)
    if not re.search(r"\w", "".join(piece.text for piece in pieces)):
        raise PromptError(f"the wish {wish!r} has no words: say what the picture shows")
    plain = re.sub(r"\s+", " ", "".join(piece.text for piece in pieces)).strip()
    keywords = extract([plain], embed)
    return _put_together(
        wish, find_profile(profile, Translation(wish, (plain,))), [wish], keywords, (), (wish,), (plain,), ()
    )


def _put_together(
    wish: str, profile: Profile, subject: Sequence[str], keywords: Sequence[Keyword], rejected: Sequence[str],
    said: tuple[str, ...], english: tuple[str, ...], unknown: tuple[tuple[str, str], ...],
) -> PicturePrompt:  # fmt: skip
    has_style = profile.style.casefold() in " ".join(subject).casefold()
    style = [profile.style] if profile.style and not has_style else []
    weights = [weighted(keyword.phrase, keyword.weight) for keyword in keywords]
    unwanted = [one for one in profile.negative if one not in rejected and not _asked_for(one, subject)]
    return PicturePrompt(
        wish=wish,
        profile=profile.name,
        paraphrases=said,
        translations=english,
        keywords=tuple(keywords),
        prompt=", ".join([*subject, *style]),
        prompt_2=", ".join([*weights, *style, *profile.quality]),
        negative=", ".join([*(weighted(one, REJECTED_WEIGHT) for one in rejected), *unwanted]),
        quality=profile.quality,
        unknown=unknown,
    )


def _asked_for(word: str, subject: Sequence[str]) -> bool:
    """A profile does not forbid what the wish asks for, such as a person at the desk or letters on a sign."""
    return _holds(" ".join(subject), word)


def _holds(text: str, phrase: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text.casefold()))
