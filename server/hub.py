"""Who is connected, who watches which chat, and how stored events reach them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from server import protocol
from server.errors import RateLimited
from server.limits import TokenBucket
from server.settings import Settings
from server.storage.database import Event


class Watcher(Protocol):
    """A connection, as the hub sees it."""

    def post(self, frame: str) -> None:
        """Sends a frame without waiting."""

    def deliver(self, chat: str, seq: int, frame: str) -> None:
        """Sends an event of a chat it watches, unless it has it already."""


@dataclass(eq=False)
class AccountPresence:
    """What all connections of one account share."""

    turns: TokenBucket
    frames: TokenBucket
    watchers: set[Watcher] = field(default_factory=set)


class Hub:
    """Hands stored events to the connections that watch their chat. Lives on the event loop; holds no history."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._accounts: dict[str, AccountPresence] = {}
        self._chats: defaultdict[str, set[Watcher]] = defaultdict(set)

    def join(self, account: str, watcher: Watcher) -> AccountPresence:
        """Registers a connection that has logged in.

        Raises:
            RateLimited: the account has too many connections.
        """
        settings = self._settings
        presence = self._accounts.get(account)
        if presence is None:
            presence = self._accounts[account] = AccountPresence(
                TokenBucket(settings.turns_per_minute / 60, settings.turn_burst),
                TokenBucket(settings.frames_per_second, settings.frame_burst),
            )
        if len(presence.watchers) >= settings.connections_per_account:
            raise RateLimited("이 계정으로 열린 창이 너무 많아요. 다른 창을 닫고 다시 시도해 주세요.")
        presence.watchers.add(watcher)
        return presence

    def leave(self, account: str, watcher: Watcher, chats: Iterable[str]) -> None:
        # The presence stays when the last connection goes: reconnecting must not refill the buckets.
        self._accounts[account].watchers.discard(watcher)
        for chat in chats:
            self.unwatch(chat, watcher)

    def watch(self, chat: str, watcher: Watcher) -> None:
        self._chats[chat].add(watcher)

    def unwatch(self, chat: str, watcher: Watcher) -> None:
        watchers = self._chats.get(chat)
        if watchers is not None:
            watchers.discard(watcher)
            if not watchers:
                del self._chats[chat]

    def broadcast(self, account: str, frame: str, but: Watcher | None = None) -> None:
        """Sends a frame to all connections of an account, save one."""
        presence = self._accounts.get(account)
        for watcher in tuple(presence.watchers) if presence else ():
            if watcher is not but:
                watcher.post(frame)

    def publish(self, events: list[Event]) -> None:
        """Hands out events that are on disk, in their order."""
        for event in events:
            watchers = self._chats.get(event.chat)
            if watchers:
                frame = protocol.frame(event.type, event.data, chat=event.chat, turn=event.turn, seq=event.seq)
                for watcher in tuple(watchers):
                    watcher.deliver(event.chat, event.seq, frame)
