"""What her face does from one frame to the next: the attributes of a living face. Pure: no clock, no picture, no model.

What happens (she is spoken to, feels, speaks) is told with its time; `Animation.frame` answers with the attributes of a
moment. Times are seconds of any clock and must not decrease. The course of the face depends on what was told, when, and on
the seed, and not on how often it is looked at. Only `EXPRESSION` moves: identity and scene stay as they are.

What is laid over each other, in this order: the feeling (held while it is felt, then eased out), what she attends to
(listening, thinking), glances and the sway of breathing, speech, blinks.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from stylegan.attributes import ATTRIBUTES, EXPRESSION, clamp
from stylegan.speech import Speech

HOLD_SECONDS, STARTLED_HOLD_SECONDS = 8.0, 3.0
"""For how long a feeling stays on the face after the last word; surprise is the shortest of feelings."""
LISTEN_SECONDS = 4.0
"""For how long she looks up after a sign that somebody is writing."""
UNDERSTAND_SECONDS = 0.7
"""Between what was said to her and her beginning to think."""
LIP_SPREAD = 0.2
"""How far rounded or wide lips move `smile`."""

_FEEL, _STARTLE, _RELEASE, _LISTEN, _THINK, _GLANCE = 11.0, 20.0, 1.4, 6.0, 4.5, 5.0
_HEAD = ("pose", "pitch")
_HEAD_SHARE = 0.65  # a head is heavier than a brow
_LISTENING = {"eyes": 0.1, "brow": 0.16, "smile": 0.08, "pitch": -1.5}
_THINKING = {"eyes": -0.06, "brow": -0.14, "smile": -0.08, "pitch": 5.0}
_THINKING_POSE = 8.0


class Attention(Enum):
    """What she is at."""

    NOBODY = "nobody"
    LISTENING = "listening"
    THINKING = "thinking"


@dataclass
class Ease:
    """A value on its way to a goal, without a jolt: a critically damped spring, solved exactly.

    Attributes:
        value, speed: at time ``since``.
        rate: of approach, per second; nine tenths of the way take 3.9 / rate.
    """

    value: float
    goal: float
    rate: float = 1.0
    speed: float = 0.0
    since: float = 0.0

    def at(self, now: float) -> tuple[float, float]:
        """Value and speed."""
        seconds = max(0.0, now - self.since)
        left = self.value - self.goal
        pull = self.speed + self.rate * left
        fade = math.exp(-self.rate * seconds)
        return self.goal + (left + pull * seconds) * fade, (self.speed - self.rate * pull * seconds) * fade

    def turn(self, goal: float, rate: float, now: float) -> None:
        """Goes to another goal from now on."""
        if goal == self.goal and rate == self.rate:
            return
        self.value, speed = self.at(now)
        most = rate * abs(goal - self.value)  # more would carry it far beyond the goal
        self.speed = min(most, max(-most, speed))
        self.goal, self.rate, self.since = goal, rate, now


@dataclass
class Blinks:
    """The lids: when they close, and how far they are closed.

    Intervals follow a log-normal distribution within 2 to 6 seconds; one in six blinks is double.
    """

    CLOSE = 0.1
    STAY = 0.03
    OPEN = 0.15
    LEAST, GREATEST = 2.0, 6.0
    DOUBLE = 1 / 6

    rng: random.Random
    next_at: float
    _begun: float = -math.inf
    _opens: float = -math.inf  # when the lids begin to open again
    _depth: float = 1.0
    _again: bool = False  # the second of a double blink follows

    @property
    def over_at(self) -> float:
        """When the lids are open again."""
        return self._opens + self.OPEN

    def interval(self) -> float:
        """Seconds from the end of one blink to the next."""
        return min(self.GREATEST, max(self.LEAST, self.rng.lognormvariate(math.log(3.4), 0.38)))

    def begin(self) -> None:
        """The blink that was due begins, and the next is planned."""
        self._begun = self.next_at
        self._opens = self._begun + self.CLOSE + self.STAY
        self._depth = 1.0
        self._again = not self._again and self.rng.random() < self.DOUBLE
        self.next_at = self.over_at + (self.rng.uniform(0.06, 0.14) if self._again else self.interval())

    def postpone(self, until: float) -> None:
        """No blink before ``until``; one under way opens at once, from where the lids are."""
        self._again = False
        self.next_at = max(self.next_at, until + self.rng.uniform(0.2, 0.8))

    def open(self, now: float) -> None:
        """Lids that are closing open instead."""
        if self._begun <= now < self._opens:
            self._depth = self.closure(now)
            self._opens = now

    def closure(self, now: float) -> float:
        """0 open to 1 closed."""
        if now >= self._opens:
            return self._depth * (1 - _smooth((now - self._opens) / self.OPEN))
        return _smooth((now - self._begun) / self.CLOSE)


@dataclass
class Sway:
    """The movement of a body that breathes: sines that never come round to the same beginning."""

    rng: random.Random
    phases: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.phases = [self.rng.uniform(0, math.tau) for _ in range(4)]

    def at(self, now: float) -> tuple[float, float]:
        """Degrees of yaw and pitch."""
        a, b, c, d = self.phases
        yaw = 1.1 * math.sin(math.tau * now / 7.3 + a) + 0.6 * math.sin(math.tau * now / 3.7 + b)
        pitch = 0.8 * math.sin(math.tau * now / 4.3 + c) + 0.4 * math.sin(math.tau * now / 9.1 + d)
        return yaw, pitch


def _smooth(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


class Animation:
    """One face in time.

    Args:
        rest: expression attributes of the face when nothing moves it; what is not named is neutral.
        seed: of blinks, glances and sway.
        now: when it begins.
    """

    def __init__(self, rest: Mapping[str, float], seed: int, now: float) -> None:
        rng = random.Random(seed)
        self.rest = {name: clamp(name, rest.get(name, ATTRIBUTES[name].neutral)) for name in EXPRESSION}
        self.attention = Attention.NOBODY
        self._rng = rng
        self._epoch = self._now = now
        self._felt = self.rest
        self._startled = False
        self._ease = {name: Ease(value, value, since=now) for name, value in self.rest.items()}
        self._glance = {name: Ease(0.0, 0.0, since=now) for name in _HEAD}
        self._glance_at = now + rng.uniform(3, 7)
        self._is_aside = False
        self._liveliness = Ease(0.0, 0.0, since=now)  # of the head while she speaks
        self._side = rng.choice((-1, 1))
        self._blinks = Blinks(rng, now + rng.uniform(1.0, 4.0))
        self._sway = Sway(rng)
        self._speech = Speech(now)
        self._attends_until = math.inf
        self._fades_at = math.inf  # when the feeling is let go of
        self._hushed_at = math.inf  # when she has spoken all there is
        self._is_over = True  # the reply

    # --- what happens

    def hear(self, now: float) -> None:
        """Somebody is writing to her: she looks up for a while."""
        now = self._advance(now)
        if self._is_over and not self._speech.is_on(now):
            self._attend(Attention.LISTENING, now, now + LISTEN_SECONDS)

    def think(self, now: float) -> None:
        """Something was said to her: she takes it in, then thinks about it until she feels or speaks."""
        now = self._advance(now)
        self._speech.stop(now)
        self._is_over = False
        self._fades_at = math.inf
        self._attend(Attention.LISTENING, now, now + UNDERSTAND_SECONDS)

    def feel(
        self, attributes: Mapping[str, float], now: float, *, startled: bool = False, at_once: bool = False
    ) -> None:
        """A feeling comes up and stays until the reply is over and some time has gone by.

        Args:
            attributes: of the expression; what is not named is as at rest.
            startled: as in surprise: the face changes faster, and the eyes do not blink.
            at_once: the face has it already, as when somebody comes in.
        """
        now = self._advance(now)
        self._felt = {name: clamp(name, attributes.get(name, self.rest[name])) for name in EXPRESSION}
        self._startled = startled
        if startled:
            self._blinks.open(now)
        self._attend(Attention.NOBODY, now, math.inf, _STARTLE if startled else _FEEL)
        if at_once:
            for name, ease in self._ease.items():
                self._ease[name] = Ease(ease.goal, ease.goal, since=now)
        if self._is_over:
            self._let_go_later(now)

    def say(self, text: str, now: float) -> None:
        """More of her words are shown."""
        now = self._advance(now)
        self._is_over = False
        if self.attention is not Attention.NOBODY:
            self._attend(Attention.NOBODY, now, math.inf)
        self._speech.say(text, now)
        self._liveliness.turn(1.0, 4.0, now)
        self._hushed_at = self._speech.over_at(now)

    def finish(self, now: float, *, stopped: bool = False) -> None:
        """The reply is over; what was shown is still spoken, unless she was stopped."""
        now = self._advance(now)
        self._is_over = True
        if stopped:
            self._speech.stop(now)
        self._speech.end_paragraph()
        if self.attention is not Attention.NOBODY:
            self._attend(Attention.NOBODY, now, math.inf)
        self._let_go_later(now)

    # --- what is seen

    def frame(self, now: float) -> dict[str, float]:
        """All expression attributes at a moment, each within its range."""
        now = self._advance(now)
        face = {name: ease.at(now)[0] for name, ease in self._ease.items()}
        yaw, pitch = self._sway.at(now - self._epoch)
        nod = self._liveliness.at(now)[0] * math.sin(math.tau * (now - self._epoch) / 1.9)
        face["pose"] += yaw + self._glance["pose"].at(now)[0]
        face["pitch"] += pitch + self._glance["pitch"].at(now)[0] + nod
        shape = self._speech.at(now)
        face["mouth"] += (shape.opening - face["mouth"]) * shape.weight
        face["smile"] += LIP_SPREAD * shape.spread * shape.weight
        face["eyes"] *= 1 - self._blinks.closure(now)
        return {name: clamp(name, value) for name, value in face.items()}

    def is_lively(self, now: float) -> bool:
        """Whether something moves now that few frames a second would miss: speech, a blink, a change of face."""
        now = self._advance(now)
        if self._speech.is_on(now) or now < self._blinks.over_at:
            return True
        for name, ease in (*self._ease.items(), *self._glance.items()):
            quick = (
                ATTRIBUTES[name].high - ATTRIBUTES[name].low
            ) / 4  # in a second; a drift below is smooth at any rate
            value, speed = ease.at(now)
            if max(abs(speed), ease.rate * abs(ease.goal - value) / math.e) > quick:
                return True
        return False

    def stirs_at(self, now: float) -> float:
        """When it next becomes lively of itself, as far as can be told."""
        now = self._advance(now)
        return max(now, min(self._blinks.next_at, self._glance_at, self._fades_at, self._attends_until))

    # --- how it goes on

    def _advance(self, now: float) -> float:
        """Lets everything happen that was due up to ``now``, in its order and at its time. Returns the time."""
        now = max(now, self._now)
        while True:
            due, happen = min(
                (
                    (self._blinks.next_at, self._blink),
                    (self._glance_at, self._look),
                    (self._attends_until, self._attended),
                    (self._fades_at, self._let_go),
                    (self._hushed_at, self._hush),
                ),
                key=lambda each: each[0],
            )
            if due > now:
                break
            self._now = max(self._now, due)
            happen(self._now)
        self._now = now
        return now

    def _attend(self, to: Attention, now: float, until: float, rate: float = _LISTEN) -> None:
        self.attention, self._attends_until = to, until
        self._turn(now, rate)

    def _attended(self, now: float) -> None:
        """The time of attention is over: what follows?"""
        if self._is_over:
            self._attend(Attention.NOBODY, now, math.inf, _THINK)
        else:
            self._side = self._rng.choice((-1, 1))
            self._attend(Attention.THINKING, now, math.inf, _THINK)

    def _turn(self, now: float, rate: float) -> None:
        """Sends the face to what she feels, as what she attends to changes it."""
        match self.attention:
            case Attention.LISTENING:
                added: Mapping[str, float] = {**_LISTENING, "pose": -0.6 * self._felt["pose"]}  # towards the other
            case Attention.THINKING:
                added = {**_THINKING, "pose": _THINKING_POSE * self._side}
            case Attention.NOBODY:
                added = {}
        for name, ease in self._ease.items():
            goal = clamp(name, self._felt[name] + added.get(name, 0.0))
            ease.turn(goal, rate * (_HEAD_SHARE if name in _HEAD else 1.0), now)
        if self.attention is not Attention.NOBODY:
            self._face_ahead(now)

    def _let_go_later(self, now: float) -> None:
        hold = STARTLED_HOLD_SECONDS if self._startled else HOLD_SECONDS
        self._fades_at = self._speech.over_at(now) + hold

    def _let_go(self, now: float) -> None:
        """The feeling has been felt long enough."""
        if self._speech.is_on(now):
            self._let_go_later(now)
            return
        self._fades_at = math.inf
        self._felt, self._startled = self.rest, False
        self._turn(now, _RELEASE)

    def _blink(self, now: float) -> None:
        if self._startled:
            self._blinks.postpone(now + 1.0)
        else:
            self._blinks.begin()

    def _look(self, now: float) -> None:
        """A short look aside, or back."""
        if self._is_aside or self.attention is not Attention.NOBODY:
            self._face_ahead(now)
            return
        small = 0.5 if self._speech.is_on(now) else 1.0
        self._is_aside = True
        self._glance["pose"].turn(self._rng.choice((-1, 1)) * self._rng.uniform(3, 8) * small, _GLANCE, now)
        self._glance["pitch"].turn(self._rng.uniform(-3, 2) * small, _GLANCE, now)
        self._glance_at = now + self._rng.uniform(0.7, 1.9)

    def _face_ahead(self, now: float) -> None:
        self._is_aside = False
        for ease in self._glance.values():
            ease.turn(0.0, _GLANCE, now)
        self._glance_at = now + self._rng.uniform(4, 10)

    def _hush(self, now: float) -> None:
        if self._speech.is_on(now):  # she takes her time
            self._hushed_at = max(now + 0.1, self._speech.over_at(now))
        else:
            self._hushed_at = math.inf
            self._liveliness.turn(0.0, 3.0, now)
