"""One connection's share of a face: which frames it is sent, so that they never stand in the way of words.

A frame is sent when no text waits to be written and the client has read what it was sent before: each frame is followed by
a websocket ping, and the pong tells that the client has got so far. Nothing is queued. What a client cannot take now is
dropped, and if nobody can take it, it is not drawn.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol

HEADER = struct.Struct(">BBHIII")
FACE_FRAME = 1
LEAST_WINDOW, GREATEST_WINDOW = 2, 6
TOLERANCE = 0.25
"""Share of its interval by which a frame may come early: the clocks of renderer and client are not in step."""


class Screen(Protocol):
    """A connection, as its face sees it."""

    def is_free(self) -> bool:
        """Whether nothing waits to be written to it."""

    def show(self, frame: bytes) -> Awaitable[float] | None:
        """Sends a frame; what it returns is done when the client has read it. None: it was not sent."""


def header(watch: int, turn: int, seq: int, milliseconds: int) -> bytes:
    """The 16 bytes before the picture, big-endian.

    Args:
        watch: number of the `face.watching` that the frame belongs to.
        turn: the first 8 hexadecimal digits of the live turn's id, 0 between turns.
        seq: 1, 2, 3 … within the watch; numbers are missing where frames were dropped.
        milliseconds: since the watch began.
    """
    return HEADER.pack(FACE_FRAME, 0, watch & 0xFFFF, turn & 0xFFFFFFFF, seq & 0xFFFFFFFF, milliseconds & 0xFFFFFFFF)


def turn_number(turn: str | None) -> int:
    """How a turn's id stands in the header."""
    try:
        return int((turn or "0")[:8], 16)
    except ValueError:
        return 0


@dataclass(eq=False)
class Viewer:
    """Somebody who watches a chat's face.

    Attributes:
        fps: frames a second that are wanted at most.
        in_flight: frames sent that the client has not read yet.
        sent, dropped: frames.
    """

    screen: Screen
    watch: int
    fps: float
    begun: float
    in_flight: int = 0
    sent: int = 0
    dropped: int = 0
    _seq: int = 0
    _next_at: float = -math.inf
    _round_trip: float = field(default=math.inf)  # the shortest seen

    @property
    def window(self) -> int:
        """Frames that may be under way: enough to fill the shortest round trip, whatever the line's speed.

        The shortest, not the latest: on a slow line frames wait for each other, and more of them would only wait longer.
        """
        if self._round_trip is math.inf:
            return LEAST_WINDOW
        return min(GREATEST_WINDOW, max(LEAST_WINDOW, 1 + math.ceil(self._round_trip * self.fps)))

    def can_take(self, now: float) -> bool:
        """Whether a frame drawn now would be sent."""
        return now >= self._next_at and self.in_flight < self.window and self.screen.is_free()

    def ready_at(self, now: float) -> float:
        """When it should be asked again; never, while it has to read first."""
        return max(now, self._next_at) if self.in_flight < self.window else math.inf

    def offer(self, picture: bytes, turn: int, now: float) -> Awaitable[float] | None:
        """Sends a frame or drops it. What is returned is to be awaited, and `taken` or `lost` to be called after it."""
        self._seq += 1
        reading = None
        if self.can_take(now):
            head = header(self.watch, turn, self._seq, round(1000 * (now - self.begun)))
            reading = self.screen.show(head + picture)
        if reading is None:
            self.dropped += 1
            return None
        self.sent += 1
        self.in_flight += 1
        self._next_at = now + (1 - TOLERANCE) / self.fps
        return reading

    def taken(self, round_trip: float) -> None:
        """The client has read a frame, so many seconds after it was sent."""
        self.in_flight -= 1
        self._round_trip = min(self._round_trip, round_trip)

    def lost(self) -> None:
        """The connection is gone."""
        self.in_flight -= 1
