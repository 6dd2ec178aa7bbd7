"""One turn as a pure state machine: events in, effects out; no socket, thread, clock or model.

::

    WAITING ──words──▶ FEELING ──emotion known──▶ SPEAKING ──▶ ENDED
                          │ tag read, or judged by the classifier from the first words

The shell (`server.turns`) feeds what happens and carries out the effects in order. Words are held back until her
emotion is known, so that the face moves before the first word is shown; a model that writes no tag is judged by its
first words, and again by the whole reply, since the first words may mislead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from character.emotion import Emotion, TagParser

Reason = Literal["complete", "length", "stopped", "interrupted", "failed"]

FIRST_WORDS = 16
"""Characters of an untagged reply that are held back for the classifier."""


# --- events


@dataclass(frozen=True)
class Generated:
    """The model wrote more."""

    text: str


@dataclass(frozen=True)
class GenerationEnded:
    """The model is done. `cut` tells that it ran into its token limit."""

    cut: bool = False


@dataclass(frozen=True)
class GenerationFailed:
    """The model failed; `text` tells the user why, in Korean."""

    text: str


@dataclass(frozen=True)
class EmotionJudged:
    """Answer to `JudgeEmotion`."""

    emotion: Emotion


@dataclass(frozen=True)
class StopAsked:
    """The user wants her to stop."""


Event = Generated | GenerationEnded | GenerationFailed | EmotionJudged | StopAsked


# --- effects


@dataclass(frozen=True)
class JudgeEmotion:
    """Ask the classifier what `text` feels like; answer with `EmotionJudged`."""

    text: str


@dataclass(frozen=True)
class SetFace:
    emotion: Emotion


@dataclass(frozen=True)
class Say:
    """Show more words."""

    text: str


@dataclass(frozen=True)
class CancelGeneration:
    """Stop the model."""


@dataclass(frozen=True)
class Finish:
    """The turn is over; `text` is the whole reply as shown."""

    reason: Reason
    text: str
    emotion: Emotion | None
    error: str | None = None


Effect = JudgeEmotion | SetFace | Say | CancelGeneration | Finish


class State(Enum):
    WAITING = "waiting"
    FEELING = "feeling"
    SPEAKING = "speaking"
    ENDED = "ended"


@dataclass
class Turn:
    """The state of one reply. `handle` is the only way in.

    Attributes:
        emotion: what she felt first in this reply, by her own tag or else as judged; stored with it.
    """

    state: State = State.WAITING
    emotion: Emotion | None = None
    _said: list[str] = field(default_factory=list)
    _parser: TagParser = field(default_factory=TagParser)
    _pending: str = ""  # words that wait for the emotion, or white space that waits for a word
    _tagged: bool = False
    _judging: Literal["", "first words", "whole"] = ""
    _ending: GenerationEnded | None = None

    @property
    def said(self) -> str:
        """The words shown so far."""
        return "".join(self._said)

    def handle(self, event: Event) -> list[Effect]:
        """Takes one event and returns what is to be done, in order. After `Finish` every event is ignored."""
        if self.state is State.ENDED:
            return []
        match event:
            case Generated(text):
                words, emotions = self._parser.feed(text)
                return self._hear(words, emotions)
            case GenerationEnded():
                words, emotions = self._parser.close()
                self._ending = event
                return self._hear(words, emotions) + self._end()
            case EmotionJudged(emotion):
                return self._judged(emotion)
            case StopAsked():
                return [CancelGeneration(), self._finish("stopped")]
            case GenerationFailed(text):
                return [self._finish("failed", text)]

    def _hear(self, words: str, emotions: list[Emotion]) -> list[Effect]:
        effects: list[Effect] = []
        for emotion in emotions:
            if not self._tagged:  # her own word outweighs a guess from the words before it
                self.emotion, self._tagged = emotion, True
            effects.append(self._feel(emotion))
        self._pending += words
        if self.state is State.WAITING and self._pending.strip():
            self.state = State.FEELING
        if self.state is State.FEELING:
            if not self._judging and len(self._pending.strip()) >= FIRST_WORDS:
                self._judging = "first words"
                effects.append(JudgeEmotion(self._pending.strip()))
        elif self.state is State.SPEAKING:
            effects += self._speak()
        return effects

    def _feel(self, emotion: Emotion) -> SetFace:
        self.state = State.SPEAKING
        return SetFace(emotion)

    def _speak(self) -> list[Effect]:
        """Shows what is pending, but for white space at either end of the reply."""
        if not self._said:
            self._pending = self._pending.lstrip()
        shown = self._pending.rstrip()
        if not shown:
            return []
        self._pending = self._pending[len(shown) :]
        self._said.append(shown)  # joined when asked for: to lengthen a string is to copy it
        return [Say(shown)]

    def _judged(self, emotion: Emotion) -> list[Effect]:
        stage, self._judging = self._judging, ""
        if not stage:
            return []
        effects: list[Effect] = []
        if not self._tagged and emotion != self.emotion:
            self.emotion = emotion
            effects.append(self._feel(emotion))
            effects += self._speak()
        if self._ending is not None:
            effects += self._end() if stage == "first words" else [self._complete()]
        return effects

    def _end(self) -> list[Effect]:
        """The model is done: judge an untagged reply as a whole, then finish."""
        if self._judging:
            return []
        if not (self._said or self._pending.strip()):
            return [self._finish("failed", "대답이 비어 있었어요. 다시 시도해 주세요.")]
        if not self._tagged:
            self._judging = "whole"
            return [JudgeEmotion((self.said + self._pending).strip())]
        return [self._complete()]

    def _complete(self) -> Finish:
        return self._finish("length" if self._ending and self._ending.cut else "complete")

    def _finish(self, reason: Reason, error: str | None = None) -> Finish:
        self.state = State.ENDED
        return Finish(reason, self.said, self.emotion, error)
