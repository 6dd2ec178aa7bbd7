"""Lorebook: passages of a character's world that enter the prompt when the talk comes to them.

Keys are found as a Korean reader finds them. A key in Hangul matches with any particle behind it (앨리스가,
앨리스한테서도, 노을이가) and not inside another word (앨리스테어, 이별, 별로). Particles are recognised by rule; where
a rule cannot tell (별로 is an adverb and not 별 + 로), the morphological analyser Kiwi decides, and it is loaded only
then. A key in dictionary form (떠나다) also matches the inflected verb (떠났어). A space in a key stands for any space
or none.
Keys in Latin letters match whole words, whatever Korean follows them. Keys in scripts without spaces match anywhere.

With ``use_regex`` a key ``/pattern/flags`` is a JavaScript pattern, and so is a bare key with any of ``\\^$|()[]{}*+``
in it. Other keys are words as above: SillyTavern sets ``use_regex`` on everything it exports, and means it so.

Decorators (Character Card V3) are lines at the head of an entry's content.

- Obeyed: ``@@scan_depth``, ``@@activate``, ``@@dont_activate``, ``@@activate_only_after``, ``@@activate_only_every``,
  ``@@additional_keys``, ``@@exclude_keys``, ``@@ignore_on_max_context``, ``@@position before_desc|after_desc``,
  ``@@role system``. ``@@depth`` orders entries only: all of them share the one system message before the user's last
  words, and a smaller depth stands nearer to its end.
- Ignored, kept in the card and left out of the prompt: all others, among them ``@@role user|assistant``,
  ``@@reverse_depth``, ``@@is_greeting``, ``@@keep_activate_after_match``.
- A fallback (``@@@…``) counts where the decorator above it is ignored.
"""

from __future__ import annotations

import re
import threading
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from kiwipiepy import Kiwi

DEFAULT_SCAN_DEPTH = 4
"""Messages scanned where the book does not say."""
MAX_RECURSION = 8
"""Rounds in which entries may call further entries."""
MAX_RECURSIVE_CHARACTERS = 50_000
MAX_OCCURRENCES = 20
"""A key is looked at in so many places of one text, so that a hostile message cannot keep the analyser busy."""
MAX_PATTERN_CHARACTERS = 2_000
PATTERN_SECONDS = 0.05
ALL_PATTERNS_SECONDS = 0.25
"""Time for one search, and for all searches of a scan."""


# --- Morphology -------------------------------------------------------------------------------------------------------


class Morpheme(NamedTuple):
    form: str
    tag: str
    start: int
    end: int
    known: bool


_kiwi: Kiwi | None = None
_kiwi_lock = threading.Lock()


def load_morphology() -> Kiwi:
    """The analyser, loaded at the first call (1–2 s, about 250 MB); later calls return the same one. Thread-safe.

    A server calls this once in a background thread, so that no turn waits for it.
    """
    global _kiwi
    with _kiwi_lock:
        if _kiwi is None:
            from kiwipiepy import Kiwi

            _kiwi = Kiwi(num_workers=1)
        return _kiwi


@lru_cache(maxsize=4096)
def morphemes(text: str) -> tuple[Morpheme, ...]:
    """Morphemes of ``text`` (tags of the Sejong set), with character offsets."""
    kiwi = load_morphology()
    with _kiwi_lock:
        tokens = kiwi.tokenize(text)
    return tuple(Morpheme(t.form, t.tag.partition("-")[0], t.start, t.end, not t.oov) for t in tokens)


# --- Korean words in running text -------------------------------------------------------------------------------------

# Particles by what they may follow. Writers keep this agreement, so that it tells 카이는 from 카이은.
AFTER_ANY = "의 에 에서 에게 에게서 한테 한테서 께 께서 더러 보고 하고 도 만 까지 부터 마저 조차 밖에 뿐"
AFTER_ANY += " 처럼 같이 만큼 보다 마다 대로 커녕 치고 에선 에겐 한텐"
AFTER_VOWEL = "가 는 를 와 랑 나 라도 나마 든지 든 야 야말로 란 여 는커녕"
AFTER_CONSONANT = "이 은 을 과 이랑 이나 이라도 이나마 이든지 이든 이야 이야말로 이란 아 이여 은커녕"
AFTER_VOWEL_OR_L = "로 로서 로써 로부터 론"
AFTER_OTHER_CONSONANT = "으로 으로서 으로써 으로부터 으론"
FOLLOWING = "는 은 도 만 의 을 를 이 가 과 와 까지 부터 조차 마저 밖에 뿐 처럼 보다 이라도 라도 이나 나 나마 요"
# Forms of 이다, without the 이 that follows a consonant.
COPULA = "다 지 지만 지요 죠 잖아 니까 네 네요 구나 군 라고 라는 라면 라서 라도 래 야 예요 에요 거든 거든요"
COPULA += " 였어 였다 였지 였는데 였으면 였구나 인데 인데요 인가 인지 일까 이에요 이야"
COPULA_AFTER_CONSONANT = " ".join(
    "이" + form.replace("였", "었") for form in COPULA.split() if form[0] not in "인일이예"
)
COPULA_AFTER_CONSONANT += " 인데 인데요 인가 인지 일까 이에요 이야 이예요"
COPULA_FORMS = frozenset(COPULA.split() + COPULA_AFTER_CONSONANT.split())
# What makes a name of a name: 앨리스네, 앨리스 씨, 노을이.
NAME_SUFFIXES = ("들", "네", "님", "씨", "쌤", "양", "군")
# After these no longer word is to be feared: no noun of three or more syllables ends like that.
CLEAR_PARTICLES = frozenset([*"을를은는와과랑", "예요", "에요", "이에요", "이예요"])
# One-syllable nouns that make a compound with almost any name; others (루나틱) are more often the end of another word.
COMPOUND_SYLLABLES = frozenset("집방중때날쪽밖옆앞뒤속빛책꽃팬값맛")
HANGUL_RUN = re.compile("[가-힣]+")


def _either(*lists: str) -> str:
    return "|".join(sorted(" ".join(lists).split(), key=len, reverse=True))


def _particle_pattern(copula: str, *lists: str) -> re.Pattern[str]:
    particles = f"(?:{_either(AFTER_ANY, *lists)})(?:{_either(FOLLOWING)}){{0,2}}"
    return re.compile(f"(?:{particles}|{_either(copula)})?")


PARTICLES_AFTER = {
    "none": _particle_pattern(COPULA, AFTER_VOWEL, AFTER_VOWEL_OR_L),
    "ㄹ": _particle_pattern(COPULA_AFTER_CONSONANT, AFTER_CONSONANT, AFTER_VOWEL_OR_L),
    "other": _particle_pattern(COPULA_AFTER_CONSONANT, AFTER_CONSONANT, AFTER_OTHER_CONSONANT),
}


def only_particles(stem: str, tail: str, suffixes: int = 2) -> bool:
    """Whether ``tail``, written right behind the Hangul word ``stem``, is nothing but name suffixes and particles."""
    final = (ord(stem[-1]) - ord("가")) % 28
    kind = "none" if final == 0 else "ㄹ" if final == 8 else "other"
    if PARTICLES_AFTER[kind].fullmatch(tail):
        return True
    names = NAME_SUFFIXES if kind == "none" else (*NAME_SUFFIXES, "이")
    return suffixes > 0 and any(tail.startswith(n) and only_particles(n, tail[len(n) :], suffixes - 1) for n in names)


def _is_hangul(character: str) -> bool:
    return "가" <= character <= "힣"


def _in_spaced_word(character: str) -> bool:
    """Letters and digits of scripts that part words by spaces, Hangul aside."""
    if not character.isalnum() and character != "_":
        return False
    return not (_is_hangul(character) or "぀" <= character <= "ヿ" or "㐀" <= character <= "鿿")


def _around(text: str, start: int, end: int) -> tuple[int, str]:
    """The words around a place, enough for the analyser to tell its meaning, and where they begin in ``text``."""
    low, high = max(0, start - 30), min(len(text), end + 30)
    before = re.search(r"(?:\S+\s+){0,2}\S*$", text[low:start])
    after = re.match(r"\S*(?:\s+\S+){0,2}", text[end:high])
    assert before is not None
    assert after is not None
    return low + before.start(), text[low + before.start() : end + after.end()]


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether the analyser sees ``text[start:end]`` as nouns, with nothing but grammar or a further noun behind."""
    found = morphemes(text)
    inside = [m for m in found if m.start < end and m.end > start]
    if not inside or inside[0].start != start or inside[-1].end != end:
        return False
    if inside[-1].tag[0] != "N" and inside[-1].tag not in ("XSN", "SL", "SN", "XR"):
        return False
    if end == len(text) or not _is_hangul(text[end]):
        return True
    follower = next((m for m in found if m.start >= end), None)
    # Chat leaves out particles and spaces alike: 강릉가는, 라면먹음, 요리못해.
    if follower is None or follower.tag[0] in "JEVX" or follower.tag in ("MAG", "NNB"):
        return True
    if follower.tag[0] != "N" or not follower.known:
        return False
    return follower.end - follower.start > 1 or follower.form in COMPOUND_SYLLABLES


def _next_tag(text: str, end: int) -> str:
    return next((m.tag for m in morphemes(text) if m.start >= end), "")


def _read_otherwise(text: str, start: int, end: int) -> bool:
    """Whether the analyser knows a longer word here (오이지), or a verb (지나네요 beside the name 지나)."""
    here = [m for m in morphemes(text) if m.known and m.start <= start < m.end]
    return any(m.end > end or m.tag in ("VV", "VA", "VX") for m in here)


def stands_as_word(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]``, a key that was found there, is a word of its own."""
    before, after = text[start - 1 : start], text[end : end + 1]
    first, last = text[start], text[end - 1]
    if before and _in_spaced_word(first) and _in_spaced_word(before):
        return False
    if after and _in_spaced_word(last) and _in_spaced_word(after):
        return False
    glued = bool(before) and _is_hangul(first) and _is_hangul(before)
    run = HANGUL_RUN.match(text, end) if _is_hangul(last) else None
    tail = run[0] if run else ""
    if end - start == 1 and _is_hangul(first):
        return not glued and _is_one_syllable_word(text, start, tail)
    if not glued and not tail:
        return True
    offset, context = _around(text, start, end)
    if not glued and only_particles(last, tail):
        if tail in CLEAR_PARTICLES or (len(tail) > 1 and tail not in COPULA_FORMS):
            return True
        return not _read_otherwise(context, start - offset, end - offset)
    return _is_word(context, start - offset, end - offset)


def _is_one_syllable_word(text: str, start: int, tail: str) -> bool:
    """One syllable begins too many words: the analyser must agree, and no adverb (별로) may be read instead."""
    if text.strip(" .,!?~…\n") == text[start]:
        return True
    offset, context = _around(text, start, start + 1)
    if not _is_word(context, start - offset, start + 1 - offset) or _next_tag(context, start + 1 - offset) == "XSA":
        return False
    alone = morphemes(text[start] + tail) if tail else ()
    return not any(m.start == 0 and m.end > 1 and m.tag in ("MAG", "MAJ", "MM", "IC") for m in alone)


# --- Keys -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def _key_pattern(key: str, case_sensitive: bool) -> re.Pattern[str]:
    words = r"\s*".join(re.escape(word) for word in key.split())
    return re.compile(words, re.NOFLAG if case_sensitive else re.IGNORECASE)


@lru_cache(maxsize=1024)
def _verb_stem(key: str) -> tuple[tuple[str, str], ...]:
    """Morphemes of a verb or adjective in dictionary form without its 다; empty for anything else (바다)."""
    found = morphemes(key)
    if len(found) < 2 or found[-1].form != "다" or found[-2].tag not in ("VV", "VA", "VX", "XSV", "XSA"):
        return ()
    return tuple((m.form, m.tag) for m in found[:-1])


def _onsets(text: str) -> set[int]:
    return {(ord(character) - ord("가")) // 588 for character in text if _is_hangul(character)}


@dataclass(frozen=True)
class ScannedText:
    """A text prepared for many keys: composed Hangul, and a form without spaces for the cheap first look."""

    text: str

    @cached_property
    def composed(self) -> str:
        return unicodedata.normalize("NFC", self.text)

    @cached_property
    def squeezed(self) -> str:
        return "".join(self.composed.split()).casefold()

    @cached_property
    def onsets(self) -> set[int]:
        return _onsets(self.composed)

    def contains(self, key: str, case_sensitive: bool = False) -> bool:
        """Whether ``key`` (words, not a pattern) is said in this text."""
        key = unicodedata.normalize("NFC", key).strip()
        if not key:
            return False
        if "".join(key.split()).casefold() in self.squeezed:
            places = _key_pattern(key, case_sensitive).finditer(self.composed)
            for _, place in zip(range(MAX_OCCURRENCES), places, strict=False):
                if stands_as_word(self.composed, place.start(), place.end()):
                    return True
        return len(key) > 1 and key.endswith("다") and self._contains_verb(key)

    def _contains_verb(self, key: str) -> bool:
        # An inflected verb may share nothing with its dictionary form but the first consonant (듣다, 들었어).
        if not _is_hangul(key[0]) or not _onsets(key[0]) <= self.onsets or not (stem := _verb_stem(key)):
            return False
        said = [(m.form, m.tag) for m in morphemes(self.composed[:2000])]
        return any(tuple(said[i : i + len(stem)]) == stem for i in range(len(said) - len(stem) + 1))


PATTERN_KEY = re.compile(r"/(.+)/([a-z]*)", re.DOTALL)
PATTERN_SIGNS = re.compile(r"[\\^$|()\[\]{}*+]")


@lru_cache(maxsize=1024)
def compile_pattern(source: str, flags: str) -> Any:
    """A JavaScript pattern as one of the ``regex`` module, which can be searched with a timeout.

    Raises:
        ValueError: the pattern is not valid, too long, or has an unknown flag; the message says which.
    """
    import regex

    if len(source) > MAX_PATTERN_CHARACTERS:
        raise ValueError(f"it is longer than {MAX_PATTERN_CHARACTERS} characters")
    if unknown := set(flags) - set("dgimsuvy"):
        raise ValueError(f"its flag '{min(unknown)}' is unknown")
    meanings = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL}
    bits = regex.VERSION0
    for letter in set(flags) & set(meanings):
        bits |= meanings[letter]
    source = source.replace("[^]", r"[\s\S]")
    source = re.sub(r"(?<!\\)((?:\\\\)*)\\k<", r"\1\\g<", source)
    source = re.sub(r"\\u\{([0-9a-fA-F]{1,6})\}", lambda code: f"\\U{int(code[1], 16):08x}", source)
    # A brace that begins no count is a plain character in JavaScript, and fuzzy matching in this module.
    source = re.sub(r"(?<![\\pP])\{(?!\d)", r"\\{", source)
    try:
        return regex.compile(source, bits)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise ValueError(str(error) or type(error).__name__) from None


# --- Entries ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Decorators:
    """What the decorators of an entry ask for, and its text without them."""

    text: str
    depth: int | None = None
    scan_depth: int | None = None
    after: int = 0
    every: int = 1
    additional_keys: tuple[str, ...] = ()
    exclude_keys: tuple[str, ...] = ()
    position: str = ""
    activate: bool = False
    dont_activate: bool = False
    ignore_on_max_context: bool = False
    ignored: tuple[str, ...] = ()


def _whole_number(value: str) -> int | None:
    return int(value) if re.fullmatch(r"\d{1,6}", value) else None


def _key_list(value: str) -> tuple[str, ...] | None:
    return tuple(key.strip() for key in value.split(",") if key.strip()) or None


def _flag(value: str) -> bool | None:
    return None if value.lower() == "false" else True


DECORATORS: dict[str, tuple[str, Callable[[str], object]]] = {
    "depth": ("depth", _whole_number),
    "scan_depth": ("scan_depth", _whole_number),
    "activate_only_after": ("after", _whole_number),
    "activate_only_every": ("every", lambda value: _whole_number(value) or None),
    "additional_keys": ("additional_keys", _key_list),
    "exclude_keys": ("exclude_keys", _key_list),
    "position": ("position", {"before_desc": "before_char", "after_desc": "after_char"}.get),
    "activate": ("activate", _flag),
    "dont_activate": ("dont_activate", _flag),
    "ignore_on_max_context": ("ignore_on_max_context", _flag),
    "role": ("", lambda value: True if value == "system" else None),
}


def read_decorators(content: str) -> Decorators:
    """Parts the decorator lines at the head of ``content`` from its text. The first of a name counts."""
    lines = content.strip().split("\n")
    head = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("@@")), len(lines))
    values: dict[str, Any] = {}
    ignored: list[str] = []
    understood = True
    for line in lines[:head]:
        if not line.strip() or (line.startswith("@@@") and understood):
            continue
        name, _, value = line.strip().lstrip("@").partition(" ")
        attribute, read = DECORATORS.get(name, ("", lambda _: None))
        parsed = read(value.strip())
        understood = parsed is not None
        if not understood:
            ignored.append(line.strip())
        elif attribute:
            values.setdefault(attribute, parsed)
    return Decorators(text="\n".join(lines[head:]).strip(), ignored=tuple(ignored), **values)


@dataclass(frozen=True)
class LoreEntry:
    """One passage. The fields are those of Character Card V3; ``content`` still has its decorators."""

    keys: tuple[str, ...]
    content: str
    secondary_keys: tuple[str, ...] = ()
    selective: bool = False
    constant: bool = False
    case_sensitive: bool = False
    use_regex: bool = False
    enabled: bool = True
    insertion_order: float = 0
    priority: float | None = None
    position: str = "before_char"
    name: str = ""

    @cached_property
    def decorators(self) -> Decorators:
        return read_decorators(self.content)

    @property
    def label(self) -> str:
        """What reports call this entry: its name, or its first key."""
        return (self.name or next(iter(self.keys), "") or self.decorators.text)[:40]

    @property
    def worth(self) -> tuple[bool, float]:
        """Sorts entries by what is given up first; without a priority, the insertion order stands for it."""
        return (
            not self.decorators.ignore_on_max_context,
            self.insertion_order if self.priority is None else self.priority,
        )

    @property
    def place(self) -> tuple[int, float, float]:
        """Sorts entries as they stand in the prompt: before the character, after her, then by depth."""
        depth = self.decorators.depth
        if depth is not None and not self.decorators.position:
            return 2, -depth, self.insertion_order
        position = self.decorators.position or self.position
        return int(position == "after_char"), self.insertion_order, 0


@dataclass(frozen=True)
class LoreHit:
    """An entry that goes into the prompt.

    Attributes:
        entry: the entry.
        key: the key that was found; empty for an entry that is always in.
        text: index of the text it was found in; None where no text called it.
        called_by: label of the entry whose content called this one; empty otherwise.
        content: the words for the prompt: decorators removed, macros expanded.
        tokens: what they cost.
    """

    entry: LoreEntry
    key: str
    text: int | None
    called_by: str
    content: str
    tokens: int


@dataclass(frozen=True)
class LoreDrop:
    """An entry that was called and left out."""

    entry: LoreEntry
    reason: str


@dataclass(frozen=True)
class LoreScan:
    """What a scan found. ``hits`` stand in insertion order; ``problems`` are keys that could not be searched for."""

    hits: tuple[LoreHit, ...] = ()
    dropped: tuple[LoreDrop, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass
class _Search:
    """One scan under way: the clock of its patterns and the problems met."""

    expand: Callable[[str], str]
    seconds_left: float = ALL_PATTERNS_SECONDS
    problems: list[str] = field(default_factory=list)

    def find(self, entry: LoreEntry, keys: Sequence[str], texts: Sequence[ScannedText]) -> tuple[str, int] | None:
        """The first of ``keys`` that is in one of ``texts`` (newest first), and the index of that text."""
        for key in keys:
            key = self.expand(key) if "{{" in key else key
            pattern = self._pattern(entry, key)
            if isinstance(pattern, str):
                self._report(entry, key, pattern)
                continue
            for index in range(len(texts) - 1, -1, -1):
                if pattern is None:
                    found = texts[index].contains(key, entry.case_sensitive)
                else:
                    found = self._matches(entry, key, pattern, texts[index].composed)
                if found:
                    return key, index
        return None

    def _pattern(self, entry: LoreEntry, key: str) -> Any:
        """The compiled pattern of a key, what is wrong with it (a string), or None for a key made of words."""
        if not entry.use_regex:
            return None
        slashed = PATTERN_KEY.fullmatch(key)
        if slashed is None and not PATTERN_SIGNS.search(key):
            return None
        source, flags = (slashed[1], slashed[2]) if slashed else (key, "" if entry.case_sensitive else "i")
        try:
            return compile_pattern(source, flags)
        except ValueError as error:
            return f"is not a valid pattern: {error}"

    def _matches(self, entry: LoreEntry, key: str, pattern: Any, text: str) -> bool:
        if self.seconds_left <= 0:
            self._report(entry, key, "was not searched for: the patterns of this book take too long")
            return False
        begin = time.monotonic()
        try:
            return pattern.search(text, timeout=min(PATTERN_SECONDS, self.seconds_left)) is not None
        except TimeoutError:
            self._report(entry, key, f"took longer than {PATTERN_SECONDS * 1000:.0f} ms on one message; simplify it")
            return False
        except (MemoryError, RecursionError) as error:
            self._report(entry, key, f"could not be searched for: {type(error).__name__}")
            return False
        finally:
            self.seconds_left -= time.monotonic() - begin

    def _report(self, entry: LoreEntry, key: str, what: str) -> None:
        problem = f"lorebook entry '{entry.label}': key '{key[:60]}' {what}"
        if problem not in self.problems:
            self.problems.append(problem)


@dataclass(frozen=True)
class Lorebook:
    """The entries of a character's world.

    Attributes:
        entries: in the order of the card.
        scan_depth: how many of the newest texts are searched; None takes `DEFAULT_SCAN_DEPTH`.
        token_budget: tokens that hits may cost together; None sets no limit.
        recursive_scanning: whether the words of a hit may call further entries.
    """

    entries: tuple[LoreEntry, ...] = ()
    scan_depth: int | None = None
    token_budget: int | None = None
    recursive_scanning: bool = False

    def scan(
        self,
        texts: Sequence[str],
        count_tokens: Callable[[str], int],
        *,
        expand: Callable[[str], str] | None = None,
        replies: int | None = None,
        budget: int | None = None,
    ) -> LoreScan:
        """Finds the entries that belong into the prompt.

        Args:
            texts: what was said, oldest first.
            count_tokens: tokens of a passage.
            expand: replaces macros in keys and passages.
            replies: how many messages she has sent, for the decorators that ask; None ignores these.
            budget: tokens there is room for, beside the book's own limit.
        """
        search = _Search(expand or (lambda text: text))
        hits = self._called(texts, count_tokens, replies, search)
        limits = [limit for limit in (self.token_budget, budget) if limit is not None]
        kept, dropped = _within_budget(hits, min(limits, default=None))
        kept.sort(key=lambda hit: hit.entry.place)
        return LoreScan(tuple(kept), tuple(dropped), tuple(search.problems))

    def _called(
        self, texts: Sequence[str], count_tokens: Callable[[str], int], replies: int | None, search: _Search
    ) -> list[LoreHit]:
        prepared = [ScannedText(text) for text in texts]
        waiting = [entry for entry in self.entries if _may_be_called(entry, replies)]
        hits: list[LoreHit] = []

        def take(entry: LoreEntry, key: str, text: int | None, called_by: str = "") -> None:
            content = search.expand(entry.decorators.text).strip()
            if content:
                hits.append(LoreHit(entry, key, text, called_by, content, count_tokens(content)))

        for entry in list(waiting):
            found = self._find_in_chat(entry, prepared, search)
            if found is not None:
                take(entry, *found)
                waiting.remove(entry)
        new = list(hits) if self.recursive_scanning else []
        for _ in range(MAX_RECURSION):
            if not new or not waiting:
                break
            passages, callers = _passages(new, search)
            before = len(hits)
            for entry in list(waiting):
                called = None if entry.decorators.dont_activate else self._find(entry, passages, search)
                if called is not None:
                    take(entry, called[0], None, callers[called[1]])
                    waiting.remove(entry)
            new = hits[before:]
        return hits

    def _find_in_chat(
        self, entry: LoreEntry, texts: Sequence[ScannedText], search: _Search
    ) -> tuple[str, int | None] | None:
        asked = entry.decorators
        if asked.activate or (entry.constant and not asked.dont_activate):
            return "", None
        if asked.dont_activate:
            return None
        depth = next(d for d in (asked.scan_depth, self.scan_depth, DEFAULT_SCAN_DEPTH) if d is not None)
        first = max(0, len(texts) - max(0, depth))
        found = self._find(entry, texts[first:], search)
        return None if found is None else (found[0], first + found[1])

    def _find(self, entry: LoreEntry, texts: Sequence[ScannedText], search: _Search) -> tuple[str, int] | None:
        asked = entry.decorators
        found = search.find(entry, entry.keys, texts)
        if found is None:
            return None
        if entry.selective and entry.secondary_keys and not search.find(entry, entry.secondary_keys, texts):
            return None
        if asked.additional_keys and not search.find(entry, asked.additional_keys, texts):
            return None
        if asked.exclude_keys and search.find(entry, asked.exclude_keys, texts):
            return None
        return found


def _may_be_called(entry: LoreEntry, replies: int | None) -> bool:
    asked = entry.decorators
    if not entry.enabled:
        return False
    return asked.activate or replies is None or (replies >= asked.after and replies % asked.every == 0)


def _passages(hits: Sequence[LoreHit], search: _Search) -> tuple[list[ScannedText], list[str]]:
    """What new hits say, as texts to scan, and who says it; {{hidden_key:…}} is heard here although it is not shown."""
    passages: list[ScannedText] = []
    callers: list[str] = []
    characters = 0
    for hit in hits:
        hidden = " ".join(re.findall(r"\{\{hidden_key:([^{}]*)\}\}", hit.entry.content, re.IGNORECASE))
        words = f"{hit.content} {hidden}"
        characters += len(words)
        if characters > MAX_RECURSIVE_CHARACTERS:
            search.problems.append(f"recursive scanning stopped at entry '{hit.entry.label}': too much text")
            break
        passages.append(ScannedText(words))
        callers.append(hit.entry.label)
    return passages, callers


def _within_budget(hits: Sequence[LoreHit], budget: int | None) -> tuple[list[LoreHit], list[LoreDrop]]:
    """Keeps the entries of highest worth that fit."""
    kept: list[LoreHit] = []
    dropped: list[LoreDrop] = []
    spent = 0
    for hit in sorted(hits, key=lambda hit: hit.entry.worth, reverse=True):
        if budget is not None and spent + hit.tokens > budget:
            dropped.append(
                LoreDrop(hit.entry, f"budget: {hit.tokens} tokens, {max(0, budget - spent)} of {budget} left")
            )
        else:
            kept.append(hit)
            spent += hit.tokens
    return kept, dropped
