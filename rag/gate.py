"""Decides what is remembered: only what stands in the user's own words, only once, the new in the place of the old.

Pure but for the analyser: proposals, the message and what is known go in, verdicts come out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rag import dates
from rag.errors import BadMemory
from rag.memory import MAX_QUOTE, Memory, Proposal, checked_text, normalise
from rag.morphology import content_words, morphemes
from rag.numerals import number
from rag.supersession import superseded

MOST = 6
"""Memories that one message may give; who tells more than that is pasting a text."""
GROUNDED = 0.5
"""Share of the nouns of a model's sentence that must stand in the message. The rest may be words of its own, such as
`키운다`; a sentence that is mostly its own was made up."""

DATED_SLOTS = ("plan", "promise")
_ASKING = re.compile(r"[?？]\s*[ㅋㅎㅠㅜ~!?？.]*$")
_SENTENCE_END = re.compile(r"[.!?？\n]+|[ㅋㅎㅠㅜ]{2,}|~+")


@dataclass(frozen=True)
class Verdict:
    """What becomes of a proposal.

    Attributes:
        action: ``add``, ``known`` or ``refuse``.
        reason: one English sentence for whoever wants to know why.
        text, quote: as they are stored; the quote in the message's own spelling.
        supersedes: the memories whose place it takes, the newest first.
    """

    proposal: Proposal
    action: str
    reason: str
    text: str = ""
    quote: str = ""
    valid_from: date | None = None
    valid_until: date | None = None
    supersedes: tuple[Memory, ...] = ()


def judge(proposals: Sequence[Proposal], message: str, said: date, known: Sequence[Memory]) -> list[Verdict]:
    """Judges proposals one after the other; what one adds, the next is compared with.

    Args:
        message: the user's whole message.
        said: the user's local day.
        known: memories that hold where it was said (`visibility.visible`).

    Returns:
        One verdict per proposal, in order.
    """
    words = normalise(message)
    live = [memory for memory in known if memory.state == "live"]
    verdicts: list[Verdict] = []
    for proposal in proposals:
        verdict = _judge(proposal, words, said, live, verdicts)
        if verdict.action == "add" and sum(v.action == "add" for v in verdicts) >= MOST:
            verdict = Verdict(proposal, "refuse", f"a message gives at most {MOST} memories")
        live = [memory for memory in live if memory not in verdict.supersedes]
        verdicts.append(verdict)
    return verdicts


def quoted(quote: str, message: str) -> str | None:
    """``quote`` as it stands in ``message``, letter for letter but for Unicode form and whitespace; else None."""
    wanted, words = normalise(quote), normalise(message)
    if not wanted or len(wanted) > MAX_QUOTE:
        return None
    return wanted if wanted in words else None


def _judge(proposal: Proposal, message: str, said: date, live: Sequence[Memory], before: Sequence[Verdict]) -> Verdict:
    def refuse(reason: str) -> Verdict:
        return Verdict(proposal, "refuse", reason)

    quote = quoted(proposal.quote, message)
    if quote is None:
        return refuse("the quote does not stand in the message")
    if sum(character.isalnum() for character in quote) < 2:
        return refuse("the quote says nothing")
    try:
        text = checked_text(proposal.text)
    except BadMemory as error:
        return refuse(str(error))
    if proposal.source == "model" and (problem := _ungrounded(text, quote, message)):
        return refuse(problem)

    same_slot = [memory for memory in live if memory.slot == proposal.slot]
    span = _days(proposal, quote, said)
    earlier = [v for v in before if v.action == "add" and v.proposal.slot == proposal.slot]
    if any(_says_no_more(text, v.text) or _overlap(quote, v.quote) for v in earlier):
        return refuse("the same words gave this already")
    for memory in same_slot:
        if _says_no_more(text, memory.text) and _same_days(memory, span):
            return Verdict(proposal, "known", f"memory {memory.id} says so")
    first, last = (span.first, span.last) if span else (None, None)
    replaced = superseded(proposal, text, live)
    return Verdict(proposal, "add", "new", text, quote, first, last, tuple(replaced))


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()


def _days(proposal: Proposal, quote: str, said: date) -> dates.Span | None:
    """The days a plan is about. Only words of the user count, so that a model cannot make up a date."""
    if proposal.kind not in ("event", "promise") and proposal.slot not in DATED_SLOTS:
        return None
    past = proposal.slot == "past"
    if proposal.when:
        return dates.resolve(proposal.when, said, past) or dates.resolve(quote, said, past)
    return dates.resolve(quote, said, past)


def _ungrounded(text: str, quote: str, message: str) -> str:
    """Why a model's sentence is not what the user said; empty where it may be."""
    sentence = _sentence_of(quote, message)
    if _ASKING.search(sentence):
        return "the quote is a question"
    squeezed = _squeezed(message)
    nouns = [m.form for m in morphemes(text) if m.tag in ("NNG", "NNP", "SL") and len(m.form) > 1]
    if nouns and sum(_squeezed(noun) in squeezed for noun in nouns) < GROUNDED * len(nouns):
        return "its words do not stand in the message"
    said = set(re.findall(r"\d+", message)) | {str(number) for number in _numerals(message)}
    if any(number not in said for number in re.findall(r"\d+", text)):
        return "its number does not stand in the message"
    return ""


def _sentence_of(quote: str, message: str) -> str:
    """The sentence of the message in which the quote ends, with the mark behind it."""
    end = message.find(quote) + len(quote)
    mark = _SENTENCE_END.search(message, max(0, end - 1))
    return message[: mark.end()] if mark else message


def _numerals(message: str) -> set[int]:
    """Numbers written as Korean words: 스물여덟 is 28."""
    found, total = set(), 0
    for morpheme in (*morphemes(message), None):
        value = number(morpheme.form) if morpheme and morpheme.tag in ("NR", "MM", "NNG") else None
        if value is None:
            found.add(total)
            total = 0
        else:
            found.add(value)
            total += value
    return found - {0}


def _says_no_more(text: str, known: str) -> bool:
    """Whether every word of ``text`` stands in ``known`` already."""
    if _squeezed(text) == _squeezed(known):
        return True
    new, old = set(content_words(text)), set(content_words(known))
    return bool(new) and new <= old


def _same_days(memory: Memory, span: dates.Span | None) -> bool:
    return span is None or not memory.dated or (memory.valid_from, memory.valid_until) == (span.first, span.last)


def _overlap(one: str, other: str) -> bool:
    return one in other or other in one
