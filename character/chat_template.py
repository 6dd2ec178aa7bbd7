"""From messages to tokens: the model's own chat template, with nothing in a message able to pose as a role."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from character.errors import LanguageModelError
from character.language_model import ChatMessage
from character.system_notes import move_system_notes

# Contents and stretches of text whose tokens are remembered; a long chat has a few hundred.
REMEMBERED = 4096

_PROBE = [
    ChatMessage("system", " 맡은 역할"),
    ChatMessage("user", "안녕 "),
    ChatMessage("assistant", " 응, 안녕!\n"),
    ChatMessage("system", "오늘은 월요일"),
    ChatMessage("user", "뭐 해?"),
]


class ChatTemplate:
    """The chat template of one tokenizer. Safe to use from several threads.

    Attributes:
        end_tokens: tokens that end a reply: the declared ends and every special token that the template writes
            between messages, for example that of a role.
        marks: added tokens that are text but no words, such as emotion tags.

    Args:
        tokenizer: of transformers.
        name: of the model, for messages.
        declared_ends: the end tokens of the model's generation settings.

    Raises:
        LanguageModelError: the tokenizer has no chat template, or one that cannot be used.
    """

    def __init__(self, tokenizer: Any, name: str, declared_ends: Sequence[int] = ()) -> None:
        if not tokenizer.chat_template:
            raise LanguageModelError(f"{name} has no chat template in its tokenizer; choose an instruct model")
        self._tokenizer = tokenizer
        self._name = name
        self._lock = threading.Lock()
        added = tokenizer.added_tokens_decoder
        self._special = {token.content: number for number, token in added.items() if token.special and token.content}
        longest_first = sorted(self._special, key=len, reverse=True)
        self._any_special = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self.marks = frozenset(number for number, token in added.items() if not token.special)

        self._clean = lru_cache(REMEMBERED)(self._clean_uncached)
        self._tokens_of = lru_cache(REMEMBERED)(self._tokens_of_uncached)
        self._arrange = self._find_arrangement()
        self._splits = self._special_tokens_split_text()

        written = self._render(self._prepared(_PROBE))
        between = {self._special[found] for found in self._any_special.findall(written)}
        self.end_tokens = frozenset(between | {tokenizer.eos_token_id, *declared_ends}) - {None}

    def encode(self, messages: Sequence[ChatMessage]) -> list[int]:
        """The prompt as tokens, up to where the reply begins.

        Raises:
            LanguageModelError: the template refuses these messages.
        """
        text = self._render(self._prepared(messages))
        if not self._splits:
            return list(self._tokens_of_uncached(text))
        tokens: list[int] = []
        start = 0
        for found in self._any_special.finditer(text):
            tokens += self._tokens_of(text[start : found.start()])
            tokens.append(self._special[found.group()])
            start = found.end()
        tokens += self._tokens_of(text[start:])
        return tokens

    def count(self, messages: Sequence[ChatMessage]) -> int:
        """Tokens of the prompt; the same as ``len(encode(messages))``."""
        return len(self.encode(messages))

    def spoken(self, messages: Sequence[ChatMessage], limit: int) -> list[int]:
        """The last ``limit`` tokens of what the assistant said."""
        tokens: list[int] = []
        for message in reversed(messages):
            if message.role == "assistant":
                tokens = [*self._tokens_of(self._clean(message.content)), *tokens]
                if len(tokens) >= limit:
                    break
        return tokens[-limit:]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens; special tokens leave no trace."""
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _prepared(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        clean = [ChatMessage(message.role, self._clean(message.content)) for message in messages]
        return clean if self._arrange is None else move_system_notes(clean, keep_first=self._arrange)

    def _render(self, messages: Sequence[ChatMessage]) -> str:
        from jinja2 import TemplateError

        plain = [{"role": message.role, "content": message.content} for message in messages]
        try:
            with self._lock:
                text: str = self._tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=True)
        except (TemplateError, TypeError, ValueError, IndexError) as error:
            raise LanguageModelError(f"the chat template of {self._name} refuses these messages: {error}") from error
        return text

    def _tokens_of_uncached(self, text: str) -> tuple[int, ...]:
        with self._lock:
            return tuple(self._tokenizer.encode(text, add_special_tokens=False))

    def _clean_uncached(self, content: str) -> str:
        """Breaks whatever would become a special token, so that nobody can write a message in another's name.

        A space goes into it, after the first character: it stays readable, and no normaliser removes it.
        """
        content = self._any_special.sub(_broken, content)
        if self._holds_special(content):
            # Its characters only become the token's when normalised, for example full-width ones.
            content = self._any_special.sub(_broken, unicodedata.normalize("NFKC", content))
        if self._holds_special(content):
            content = self._any_special.sub(_broken, self.decode(self._tokens_of(content)))
        return content

    def _holds_special(self, content: str) -> bool:
        return not set(self._special.values()).isdisjoint(self._tokens_of(content))

    def _find_arrangement(self) -> bool | None:
        """How system messages must stand for the template to show them all.

        Returns:
            None: as they are. True: one at the start, the others as notes. False: all as notes.
        """
        for keep_first in (None, True, False):
            self._arrange = keep_first
            try:
                text = self._render(self._prepared(_PROBE))
            except LanguageModelError:
                continue
            if all(message.content.strip() in text for message in _PROBE):
                return keep_first
        raise LanguageModelError(f"the chat template of {self._name} cannot write a chat of system, user and assistant")

    def _special_tokens_split_text(self) -> bool:
        """Whether text between special tokens can be turned into tokens by itself, and so be remembered."""
        for token in self._tokenizer.added_tokens_decoder.values():
            if token.special and (token.lstrip or token.rstrip or token.single_word):
                return False
        for messages in (_PROBE, _PROBE[:2]):
            self._splits = True
            split = self.encode(messages)
            self._splits = False
            if split != self.encode(messages):
                return False
        return True


def _broken(found: re.Match[str]) -> str:
    token = found.group()
    return f"{token[0]} {token[1:]}" if len(token) > 1 else ""
