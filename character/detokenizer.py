"""Text from tokens while they are drawn: a piece is shown only when its characters are whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence

BROKEN = "\N{REPLACEMENT CHARACTER}"

# A character has at most four bytes. Where as many tokens have not made one, it is broken and not merely unfinished.
LONGEST_CHARACTER = 4


class Detokenizer:
    """Turns one reply's tokens into text, piece by piece.

    The pieces joined are what the tokenizer makes of all tokens, except that a character cut off by the end of the
    reply is left out.

    Args:
        decode: the tokenizer's decoding, special tokens skipped.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._tokens: list[int] = []
        self._start = 0  # the tokens of the last piece begin here: some decoders need to see what stands before
        self._shown = 0  # tokens before this have been shown
        self._before = ""  # what the tokens from _start to _shown say

    def push(self, token: int) -> str:
        """Takes the next token and gives the text that is now whole; often none."""
        self._tokens.append(token)
        text = self._decode(self._tokens[self._start :])
        if text.endswith(BROKEN) and len(self._tokens) - self._shown < LONGEST_CHARACTER:
            return ""
        piece = self._piece(text)
        self._start, self._shown = self._shown, len(self._tokens)
        self._before = self._decode(self._tokens[self._start :])
        return piece

    def finish(self) -> str:
        """The rest at the end of a reply: whole characters that stand before an unfinished one."""
        if self._shown == len(self._tokens):
            return ""
        return self._piece(self._decode(self._tokens[self._start :])).rstrip(BROKEN)

    def _piece(self, text: str) -> str:
        if text.startswith(self._before):
            return text[len(self._before) :]
        # Bytes after the last piece broke the run of bytes it came from; it has been shown whole, so it stands.
        return self._decode(self._tokens[self._shown :])
