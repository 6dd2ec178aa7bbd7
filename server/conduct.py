"""Conduct in the running server: a message is judged before she answers, and what follows from it holds everywhere.

The judge reads outside transactions; the decision is made and stored in the one that admits the message, so that no kill
and no second socket or server loses or doubles it. Whatever changes decisions, this process or another, is told to the
account's connections by one watcher that goes by their revision.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from character.conduct import voice
from character.conduct.categories import BY_ID
from character.conduct.guard import ReplyGuard
from character.conduct.judgement import Judge, Judgement, Line
from character.conduct.ladder import FOREVER
from rag import store as memories
from server import protocol
from server.background import Background
from server.errors import BadRequest, Banned
from server.hub import Hub
from server.protocol import MessageState
from server.settings import Settings
from server.storage import conduct as storage
from server.storage import decisions
from server.storage.chats import Begun, event
from server.storage.database import Database, Transaction
from server.storage.decisions import Decision

if TYPE_CHECKING:
    import sqlalchemy as sa

logger = logging.getLogger(__name__)

RECENT = 6
"""Earlier lines that are judged together with a message."""
SAID_LATELY = 8
"""Of her last replies, those whose written lines are not said again."""
WATCH_SECONDS = 2.0
"""How often changes by other processes are looked for."""
BLANK_SECONDS = 3600.0
ALERT_SECONDS = 10.0
OWN = 200
PIECE = 3
PACE = 0.03
"""A written line is shown so many characters at a time, each after so many seconds."""

FINE = Judgement(None)
UNFIT_EDIT = "오로라의 말로는 둘 수 없는 내용이에요. 다르게 고쳐 주세요."


class Moved(Exception):
    """The chat went on between judging a message and storing it: it has to be judged again, after what was said since."""


@dataclass(frozen=True)
class Said:
    """What a client asks for, as far as conduct is concerned.

    Attributes:
        kind: ``send`` a text, ``edit`` a message into a text, or ``retry`` a message's reply.
        text: the new words.
        parent: of ``send``: the message it follows (default: the end of the active line).
        message: of ``edit`` and ``retry``: the message meant.
    """

    kind: Literal["send", "edit", "retry"]
    text: str = ""
    parent: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class Subject:
    """What is to be judged.

    Attributes:
        text: the words; empty where there is nothing to judge.
        before: the lines before them.
        leaf: the end of the line, where they go to the end; else None.
        is_hers: they are to become words of hers.
    """

    text: str = ""
    before: Sequence[Line] = ()
    leaf: str | None = None
    is_hers: bool = False


@dataclass(frozen=True)
class Look:
    """What the judge has seen of it.

    Attributes:
        leaf: the end of the line at that time, for a message that goes to the end; None for any other.
        text: the words judged.
    """

    judgement: Judgement = FINE
    leaf: str | None = None
    text: str = ""


@dataclass(frozen=True)
class Answer:
    """What she has to say in a turn because of conduct.

    Attributes:
        kind: ``warn``, ``ban`` and ``care`` are the whole reply; ``forgiven`` and ``remembered`` open an ordinary one.
        decision: what the whole reply is about.
        is_new: it was made with this turn, and is no other reply to an old one.
    """

    kind: Literal["warn", "ban", "care", "forgiven", "remembered"]
    category: str
    decision: Decision | None = None
    is_new: bool = False

    @property
    def is_whole(self) -> bool:
        return self.decision is not None

    def lines(self) -> Sequence[str]:
        """Her written lines for it."""
        if self.decision is None:
            return voice.lines(self.kind)
        again = self.kind == "warn" and self.decision.again
        return voice.lines(self.category, "again" if again else self.kind)

    def order(self) -> str:
        """The note for a language model that is to say it in its own words."""
        if self.decision is None:
            return voice.FORGIVEN if self.kind == "forgiven" else voice.REMEMBERED
        return voice.order(self.kind, self.category, self.decision.again)


def ban_text(decision: Decision) -> str:
    """The refusal of a request while a ban holds."""
    name = BY_ID[decision.category].name
    if decision.until == FOREVER:
        return f"{name} 때문에 대화가 막혀 있어요. 이의가 있으면 알려 주세요."
    until = time.strftime("%m월 %d일 %H:%M", time.localtime(decision.until))
    return f"{name} 때문에 {until}까지 대화가 막혀 있어요."


class Conduct:
    """Judges, decides and tells. Lives on the event loop.

    Args:
        judge: None: nothing is judged; decisions made before hold all the same.
        now: seconds since 1970.
        remembers: she keeps a memory of her warnings.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        hub: Hub,
        judge: Judge | None,
        *,
        remembers: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._database, self._hub, self._judge = settings, database, hub, judge
        self._remembers, self._now = remembers, now
        self.table = settings.conduct_ladder
        self.pace = PACE
        self.stop_turns: Callable[[str, str], None] = lambda account, but: None
        """Stops an account's live turns in all chats but one; set by the app."""
        self._background = Background()
        self._wake, self._closing = asyncio.Event(), asyncio.Event()
        self._seen = 0
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._seen = await self._database.read(decisions.last_revision)
        self._watcher = asyncio.create_task(self._watch(), name="conduct")

    async def close(self) -> None:
        self._closing.set()
        self._wake.set()
        if self._watcher is not None:
            await asyncio.gather(self._watcher, return_exceptions=True)
        await self._background.settle()

    # --- before a turn

    async def begin(self, account: str, chat: str, said: Said, begin: Callable[[Transaction], Begun]) -> Begun:
        """Runs ``begin`` in a write transaction with what conduct has to say about it.

        Raises:
            Banned: the account may not talk for now; nothing was stored. BadRequest: words that may not become hers.
            Whatever ``begin`` raises comes out as it is.
        """
        while True:
            look = await self._look(account, chat, said)
            try:
                begun = await self._database.write(partial(self._admit, account, chat, said, look, begin))
            except Moved:
                continue
            self._began(account, chat, begun)
            return begun

    async def _look(self, account: str, chat: str, said: Said) -> Look:
        """Has a message judged, in the thread that reads the lines before it: another hop would cost more than the judge."""
        if self._judge is None:
            return Look()

        def look(connection: sa.Connection) -> tuple[Subject, Judgement | None]:
            subject = self._subject(connection, account, chat, said)
            return subject, None if self.is_slow else self._judged(subject)

        subject, judgement = await self._database.read(look)
        if judgement is None:
            judgement = await asyncio.to_thread(self._judged, subject)
        if subject.is_hers and judgement.category is not None:
            raise BadRequest(UNFIT_EDIT)
        return Look(judgement, subject.leaf, subject.text)

    def _judged(self, subject: Subject) -> Judgement:
        assert self._judge is not None
        if not subject.text:
            return FINE
        try:
            if subject.is_hers:
                return self._judge.judge_reply(subject.text)
            return self._judge.judge(subject.text, subject.before)
        except Exception:  # one message that cannot be judged must not end the talk
            logger.exception("a message could not be judged; it was let through")
            return FINE

    @staticmethod
    def _subject(connection: sa.Connection, account: str, chat: str, said: Said) -> Subject:
        if said.kind == "send":
            leaf = None if said.parent else decisions.active_message(connection, account, chat)
            return Subject(said.text, decisions.recent(connection, chat, said.parent or leaf, RECENT), leaf)
        row = decisions.message_of(connection, account, chat, said.message or "")
        if row is not None and said.kind == "retry" and row.role == "assistant":
            row = decisions.message_of(connection, account, chat, row.parent or "")
        if row is None:  # `begin` will say what is wrong
            return Subject()
        if said.kind == "edit" and row.role == "assistant":
            return Subject(said.text, is_hers=True)
        if said.kind == "retry" and decisions.of_message(connection, row.id) is not None:
            return Subject()  # it has been decided about
        text = said.text if said.kind == "edit" else row.text
        return Subject(text, decisions.recent(connection, chat, row.parent, RECENT))

    def _admit(
        self, account: str, chat: str, said: Said, look: Look, begin: Callable[[Transaction], Begun], transaction: Transaction
    ) -> Begun:  # fmt: skip
        """In the write transaction: what is refused here leaves no trace of ``begin``."""
        connection, now = transaction.connection, self._now()
        if look.leaf is not None and decisions.active_message(connection, account, chat) != look.leaf:
            raise Moved
        begun = begin(transaction)
        if begun.duplicate:
            return begun
        decision = None
        if begun.message is not None and said.kind == "retry":
            decision = decisions.of_message(connection, begun.message)
        needs_help = look.judgement.category == "self_harm" or (decision is not None and decision.step == "care")
        if not needs_help and (ban := decisions.ban_of(connection, account, now)) is not None:
            raise Banned(ban_text(ban))
        if begun.message is None:
            return begun
        is_new = decision is None and look.judgement.category is not None
        if is_new:
            decision = self._decide(transaction, account, chat, begun, look, now)
        if decision is None:
            meeting = storage.good(connection, self.table, account, now, counts=said.kind != "retry")
            return begun if meeting is None else replace(begun, answer=Answer(meeting.kind, meeting.category))
        if decision.state == "lifted":
            return begun
        memories.finish(connection, begun.message)  # nothing is learnt from an insult or a cry for help
        return replace(begun, answer=Answer(decision.step, decision.category, decision, is_new))

    def _decide(
        self, transaction: Transaction, account: str, chat: str, begun: Begun, look: Look, now: float
    ) -> Decision | None:
        assert begun.message is not None
        decision = storage.record(
            transaction.connection, self.table, account=account, chat=chat, message=begun.message, text=look.text,
            judgement=look.judgement, now=now, remember=self._remembers,
        )  # fmt: skip
        if decision is not None:
            transaction.emit(event(chat, self.notice(decision), begun.turn))
        return decision

    @staticmethod
    def notice(decision: Decision) -> protocol.Message:
        """What the chat is told."""
        state = decisions.state_of(decision)
        match decision.step:
            case "warn":
                return protocol.NoticeWarn(decision=state)
            case "ban":
                return protocol.NoticeBan(decision=state, ban=decisions.ban_state_of(decision))
            case "care":
                lines = [protocol.HelpLine(name=name, number=number) for name, number in voice.HELP_LINES]
                return protocol.NoticeCare(decision=state, lines=lines)

    def _began(self, account: str, chat: str, begun: Begun) -> None:
        answer = begun.answer
        if answer is None or not answer.is_new or answer.decision is None:
            return
        decision = answer.decision
        logger.info(
            "account %s, chat %s: %s (%s, score %.2f, severity %d): %s",
            account, chat, decision.step, decision.category, decision.score, decision.severity, decision.rule,
        )  # fmt: skip
        if decision.step == "care":
            self._background.spawn(self._alert(account, chat))
        self._wake.set()

    async def _alert(self, account: str, chat: str) -> None:
        """Tells the operator, if that is wanted, that somebody may be in danger; the words themselves are not told."""
        target = self._settings.conduct_alert
        if target == "off":
            return
        name = await self._database.read(lambda c: decisions.account_name(c, account))
        logger.warning("account %s, chat %s: a message tells of self-harm", name, chat)
        if target == "log":
            return
        import httpx

        told = {"event": "self_harm", "account": name, "chat": chat, "time": self._now()}
        try:
            async with httpx.AsyncClient(timeout=ALERT_SECONDS) as client:
                (await client.post(target, json=told)).raise_for_status()
        except httpx.HTTPError as error:
            logger.error("the alert could not be sent to %s: %s", target, error)

    # --- in a turn

    @property
    def speaks_by_model(self) -> bool:
        """Whether the language model says these things in its own words."""
        wanted = self._settings.conduct_voice
        return wanted == "model" or (wanted == "auto" and self._settings.llm.startswith(("http://", "https://")))

    def written(self, answer: Answer, turn: str, line: Sequence[MessageState]) -> str:
        """One of her written lines, tag included; empty where there is none."""
        said = [message.text for message in line if message.role == "assistant"][-SAID_LATELY:]
        return voice.choose(answer.lines(), turn, said)

    def guard(self) -> ReplyGuard | None:
        """Judges a reply of hers while it is written."""
        return None if self._judge is None else ReplyGuard(self._judge_reply)

    def _judge_reply(self, text: str) -> Judgement:
        assert self._judge is not None
        try:
            return self._judge.judge_reply(text)
        except Exception:  # one sentence that cannot be judged must not end the talk
            logger.exception("a sentence of hers could not be judged; it was let through")
            return FINE

    @property
    def is_slow(self) -> bool:
        """Whether the judge must not run on the event loop."""
        return self._settings.conduct_model != "bundled"

    # --- telling everybody

    def wake(self) -> None:
        """Decisions have changed."""
        self._wake.set()

    async def woken(self, asked: dict[str, Any]) -> None:
        """The operator's command has changed decisions; returns when connections have been told."""
        await self.tell_changes()

    async def _watch(self) -> None:
        blanked = -BLANK_SECONDS
        while not self._closing.is_set():
            try:
                if time.monotonic() - blanked >= BLANK_SECONDS:
                    blanked = time.monotonic()
                    await self.blank()
                await self.tell_changes()
            except Exception:  # the database fails for now: bans hold all the same, they are read with each turn
                logger.exception("changes of decisions could not be looked for")
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), WATCH_SECONDS)

    async def blank(self) -> int:
        """Takes the words out of decisions that are older than the settings say; returns out of how many."""
        oldest = self._now() - self._settings.conduct_text_days * 86400
        return await self._database.write(lambda t: storage.blank_before(t.connection, oldest))

    async def tell_changes(self) -> None:
        """Tells connections of this server what has changed since the last time."""
        changed = await self._database.read(lambda c: decisions.changed_since(c, self._seen))
        if not changed:
            return
        self._seen = max(self._seen, changed[-1].revision)
        for account in dict.fromkeys(decision.account for decision in changed):
            await self._tell(account, [decision for decision in changed if decision.account == account])

    async def _tell(self, account: str, changed: Sequence[Decision]) -> None:
        now = self._now()
        holding = await self._database.read(lambda c: decisions.ban_of(c, account, now))
        if any(decision.state == "lifted" for decision in changed):
            ban = None if holding is None else decisions.ban_state_of(holding)
            states = [decisions.state_of(decision, with_text=True) for decision in changed]
            self._hub.broadcast(account, protocol.encode(protocol.NoticeLifted(decisions=states, ban=ban)))
            return
        for decision in changed:
            if (
                decision.step == "ban"
                and decision.state == "given"
                and decision.appealed is None
                and decision.met_again is None
            ):
                self._hub.broadcast(account, protocol.encode(self.notice(decision)))
                self.stop_turns(account, decision.chat)
            elif decision.step != "care":
                state = decisions.state_of(decision, with_text=True)
                self._hub.broadcast(account, protocol.encode(protocol.ConductChanged(decision=state)))

    # --- what the user asks

    async def ban(self, account: str) -> protocol.Ban | None:
        """The ban that holds for an account."""
        now = self._now()
        holding = await self._database.read(lambda c: decisions.ban_of(c, account, now))
        return None if holding is None else decisions.ban_state_of(holding)

    async def own(self, account: str) -> protocol.ConductListed:
        """The account's decisions; cries for help are not among them."""
        found = await self._database.read(lambda c: decisions.listing(c, account=account, limit=OWN))
        states = [decisions.state_of(decision, with_text=True) for decision, _ in found if decision.step != "care"]
        return protocol.ConductListed(decisions=states, ban=await self.ban(account))

    async def appeal(self, account: str, message: protocol.ConductAppeal) -> protocol.ConductChanged:
        """Raises: NotFound, BadRequest."""
        now = self._now()
        changed = await self._database.write(
            lambda t: storage.appeal(t.connection, account, message.decision, message.text, now)
        )
        logger.info("account %s objects to decision %s", account, message.decision)
        self.wake()
        return protocol.ConductChanged(decision=decisions.state_of(changed, with_text=True))
