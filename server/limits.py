"""How much one account may ask for."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """Allows ``burst`` requests at once and ``rate`` per second in the long run.

    Args:
        clock: seconds from any beginning, never running backwards.
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._level, self._seen = float(burst), clock()

    def take(self) -> bool:
        """Takes one; False when there is none now."""
        now = self._clock()
        self._level = min(self._burst, self._level + (now - self._seen) * self._rate)
        self._seen = now
        if self._level < 1:
            return False
        self._level -= 1
        return True

    @property
    def wait(self) -> float:
        """Seconds until the next one can be had."""
        return max(0.0, (1 - self._level) / self._rate)
