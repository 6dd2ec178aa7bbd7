"""Weights in a prompt, in both syntaxes, and what they mean token by token.

- ``word+++`` and ``word--``: each sign is a factor 1.1 or 0.9; so are the signs after a bracket, ``(blue hat)++``.
- ``(blue hat:1.3)``, ``(blue hat)1.3``; brackets nest and their weights multiply: ``(a (b:1.2):1.1)``.
- Brackets without a weight only group. ``\\(``, ``\\)``, ``\\+``, ``\\-``, ``\\:`` and ``\\\\`` are the characters themselves.

The signs are those of compel (MIT), the colon is that of the Stable Diffusion web user interface. A prompt longer than
the tokenizer's length becomes several chunks; no token is cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imagegen.errors import PromptError, WeightSyntax

UP, DOWN = 1.1, 0.9
LARGEST = 10.0
DEEPEST = 50
LOOK_BACK = 20
"""A chunk ends after its last comma if that stands in its last ``LOOK_BACK`` tokens."""

_NUMBER = r"\d+(?:\.\d+)?|\.\d+"
_COLON_WEIGHT = re.compile(rf"\s*:\s*(-?(?:{_NUMBER}))\s*(?=\))")
_AFTER_BRACKET = re.compile(rf"(\++|-+|{_NUMBER})(?![\w+-])")
_SIGNED_WORD = re.compile(r"(?<![\s\\+-])(\++|-+)(?=[\s,.;:!?)(]|$)")
_ESCAPABLE = "()+-:\\"


@dataclass(frozen=True)
class Piece:
    """Text with one weight; 1 is plain, 0 is not there."""

    text: str
    weight: float


@dataclass(frozen=True)
class WeightedToken:
    """A token as the text encoder gets it: vocabulary id, text, weight, and the index of its piece."""

    id: int
    text: str
    weight: float
    piece: int


@dataclass(frozen=True)
class Chunk:
    """One pass of the text encoder: ``ids`` and ``weights`` of the tokenizer's length, start, end and padding included.

    ``pieces`` gives for each place the index of its piece, or -1; ``words`` the tokens between start and end.
    """

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    pieces: tuple[int, ...]
    words: tuple[WeightedToken, ...]


def parse_weights(prompt: str) -> list[Piece]:
    """``prompt`` as text with weights, in order; neighbours of equal weight are one piece.

    Raises:
        WeightSyntax: brackets that do not match, or a weight outside 0 to 10, with the position.
    """
    return _merge(_Parser(prompt).parse())


def escape(text: str) -> str:
    """``text`` so that `parse_weights` gives it back as it is."""
    return re.sub(r"[()\\:]|[+-](?![\w])", lambda found: "\\" + found.group(), text)


def weighted(text: str, weight: float) -> str:
    """``text`` in brackets with its weight, to two digits; plain where that is 1."""
    number = f"{weight:.2f}".rstrip("0").rstrip(".")
    return escape(text) if number == "1" else f"({escape(text)}:{number})"


class _Parser:
    """Recursive descent over brackets; ``at`` is the character that is read next."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        self.at = 0
        self.opened: list[int] = []

    def parse(self) -> list[Piece]:
        pieces = self._group()
        if self.at < len(self.prompt):
            raise WeightSyntax(
                f"character {self.at + 1} closes a bracket that was not opened: write \\) for a sign", self.at
            )
        return pieces

    def _group(self) -> list[Piece]:
        pieces: list[Piece] = []
        text = ""
        while self.at < len(self.prompt):
            character = self.prompt[self.at]
            if character == "\\" and self.prompt[self.at + 1 : self.at + 2] and self.prompt[self.at + 1] in _ESCAPABLE:
                text += self.prompt[self.at + 1]
                self.at += 2
            elif character == "(":
                pieces += [Piece(text, 1.0)] if text else []
                text = ""
                pieces += self._bracket()
            elif character == ")":
                break
            elif self.opened and (found := _COLON_WEIGHT.match(self.prompt, self.at)):
                pieces += [Piece(text, 1.0)] if text else []
                return self._scaled(pieces, found.group(1), found)
            elif character in "+-" and (found := _SIGNED_WORD.match(self.prompt, self.at)) and text:
                before, word = _last_word(text)
                pieces += [Piece(before, 1.0)] if before else []
                pieces += self._scaled([Piece(word, 1.0)], found.group(1), found)
                text = ""
            else:
                text += character
                self.at += 1
        return [*pieces, Piece(text, 1.0)] if text else pieces

    def _bracket(self) -> list[Piece]:
        self.opened.append(self.at)
        if len(self.opened) > DEEPEST:
            raise WeightSyntax(
                f"brackets stand {len(self.opened)} deep at character {self.at + 1}: {DEEPEST} is the most", self.at
            )
        self.at += 1
        inside = self._group()
        opened = self.opened.pop()
        if self.at >= len(self.prompt):
            raise WeightSyntax(
                f"the bracket at character {opened + 1} is never closed: add ) or write \\( for a sign", opened
            )
        self.at += 1
        if found := _AFTER_BRACKET.match(self.prompt, self.at):
            return self._scaled(inside, found.group(1), found)
        return inside

    def _scaled(self, pieces: list[Piece], said: str, found: re.Match[str]) -> list[Piece]:
        if said[0] == "+":
            factor = UP ** len(said)
        elif said.strip("-") == "":
            factor = DOWN ** len(said)
        else:
            factor = float(said)
        if not 0 <= factor <= LARGEST:
            raise WeightSyntax(
                f"weight {said} at character {found.start() + 1} is not between 0 and {LARGEST:g}", found.start()
            )
        self.at = found.end()
        return [Piece(piece.text, piece.weight * factor) for piece in pieces]


def _last_word(text: str) -> tuple[str, str]:
    start = max(text.rfind(character) for character in " \t\n,;") + 1
    return text[:start], text[start:]


def _merge(pieces: Sequence[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for piece in pieces:
        if merged and abs(merged[-1].weight - piece.weight) < 1e-9:
            merged[-1] = Piece(merged[-1].text + piece.text, piece.weight)
        elif piece.text:
            merged.append(piece)
    return [piece for piece in merged if piece.text.strip()]


def weigh_tokens(prompt: str | Sequence[Piece], tokenizer: Any) -> list[WeightedToken]:
    """The tokens of the prompt with the weights that they carry; start, end and padding are not among them.

    Args:
        prompt: in weight syntax, or its pieces.
        tokenizer: a CLIP tokenizer of transformers.
    """
    pieces = parse_weights(prompt) if isinstance(prompt, str) else prompt
    tokens = []
    for index, piece in enumerate(pieces):
        ids = tokenizer(piece.text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
        for id_, text in zip(ids, tokenizer.convert_ids_to_tokens(ids), strict=True):
            tokens.append(WeightedToken(int(id_), text.replace("</w>", ""), piece.weight, index))
    return tokens


def chunk_tokens(
    tokens: Sequence[WeightedToken], tokenizer: Any, *, at_least: int = 1, look_back: int = LOOK_BACK
) -> list[Chunk]:
    """The tokens in chunks of the tokenizer's length, each with start and end, and padded.

    Args:
        tokens: from `weigh_tokens`.
        tokenizer: the same one; its ``model_max_length`` (77 for CLIP) is the length of a chunk.
        at_least: as many chunks are made, empty ones too, so that prompt and negative prompt can be of one length.
        look_back: a chunk ends after a comma in its last so many tokens; 0: always where it is full.
    """
    length = int(tokenizer.model_max_length)
    if not 3 <= length <= 100_000:
        raise PromptError(f"the tokenizer's model_max_length is {length}: set it to the text encoder's, 77 for CLIP")
    rest = list(tokens)
    parts: list[list[WeightedToken]] = []
    while rest or len(parts) < max(at_least, 1):
        take = _chunk_end(rest, length - 2, look_back)
        parts.append(rest[:take])
        rest = rest[take:]
    return [_pad(part, tokenizer, length) for part in parts]


def _chunk_end(tokens: Sequence[WeightedToken], room: int, look_back: int) -> int:
    if len(tokens) <= room:
        return len(tokens)
    for end in range(room, max(room - look_back, 0), -1):
        if tokens[end - 1].text == ",":
            return end
    return room


def _pad(tokens: Sequence[WeightedToken], tokenizer: Any, length: int) -> Chunk:
    padding = length - len(tokens) - 2
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    ids = [tokenizer.bos_token_id, *(token.id for token in tokens), tokenizer.eos_token_id, *[pad] * padding]
    weights = [1.0, *(token.weight for token in tokens), 1.0, *[1.0] * padding]
    pieces = [-1, *(token.piece for token in tokens), -1, *[-1] * padding]
    return Chunk(tuple(ids), tuple(weights), tuple(pieces), tuple(tokens))


def count_words(prompt: str) -> int:
    """A guess at the tokens of a prompt where no tokenizer is at hand: words and punctuation marks.

    CLIP gives common English words one token each and rare ones two or three, so that it is a lower bound.
    """
    text = "".join(piece.text for piece in parse_weights(prompt))
    return len(re.findall(r"\w+|[^\w\s]", text))
