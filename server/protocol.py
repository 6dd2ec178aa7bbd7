"""The websocket protocol: every message, both ways, as a type.

A text frame is one JSON envelope ``{"v":1, "type":…, "id":…, "chat":…, "turn":…, "seq":…, "data":{…}}``. ``data`` is one of
the classes below; `CLIENT_MESSAGES` and `SERVER_MESSAGES` name them by ``type``. ``docs/protocol.md`` is written from this
module by ``python -m server.protocol_docs``.

Envelope fields:
    v: protocol version, 1.
    type: name of the message.
    id: chosen by the client for a request (≤ 64 characters); the direct answer carries the same.
    chat: the chat the message is about.
    turn: the turn an event belongs to.
    seq: on events of a chat: 1, 2, 3, … without gaps, stored, replayed to a client that says what it saw last.
    data: the fields of the message.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from server.errors import BadRequest

VERSION = 1
MAX_FRAME_BYTES = 64 * 1024
MAX_TEXT_CHARACTERS = 4000
MAX_APPEAL_CHARACTERS = 500
MAX_UPLOAD_BYTES = 32 * 1024 * 1024

CLOSE_GOING_AWAY = 1001
CLOSE_NOT_TEXT = 1007
CLOSE_POLICY = 1008
CLOSE_TOO_BIG = 1009
CLOSE_RESTART = 1012
CLOSE_TRY_LATER = 1013

Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_\-]+\z")]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT_CHARACTERS, pattern=r"\S")]
Seq = Annotated[int, Field(ge=0, le=2**53)]
MemoryText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
MemoryKind = Literal["fact", "preference", "event", "promise", "relationship", "boundary"]
MemorySlot = Literal[
    "name", "nickname", "age", "birthday", "job", "school", "home", "hometown", "family", "partner", "friend", "pet",
    "like", "dislike", "plan", "health", "habit", "skill", "goal", "possession", "past", "promise", "rule", "other",
]  # fmt: skip


class Message(BaseModel):
    """Base of all payloads: unknown fields are refused, values are never coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    type: ClassVar[str]


# ---------------------------------------------------------------------------------------------------------------------
# From the client


class Hello(Message):
    """First message of every connection, within 5 seconds. One of `token` and `login`.

    `last_seq` names the chats the client holds and the last event it saw of each; the server replays what followed.
    Answered by `welcome`, then one `chat.snapshot` or the missed events for each chat of `last_seq`.
    """

    type: ClassVar[str] = "hello"
    token: Annotated[str, StringConstraints(max_length=200)] | None = Field(None, description="the account's token")
    login: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        None, description="a one-time login code; the answer brings a token to keep"
    )
    last_seq: Annotated[dict[Id, Seq], Field(max_length=50)] = Field(
        default_factory=dict, description="chat id → last event seen"
    )


class ChatList(Message):
    """Asks for the account's chats. Answered by `chat.list`."""

    type: ClassVar[str] = "chat.list"


class ChatOpen(Message):
    """Opens the chat of the envelope, or begins a new one when `chat` is absent. Answered by `chat.snapshot`.

    From then on the connection gets the chat's events.
    """

    type: ClassVar[str] = "chat.open"
    card: Id | None = Field(None, description="card of a new chat (default: 오로라)")
    greeting: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None,
        description="which greeting of the card begins a new chat (default: the first for a first chat, then by time of day)",
    )


class ChatRename(Message):
    """Gives the chat of the envelope a title. Answered by `chat.changed` to all of the account's connections."""

    type: ClassVar[str] = "chat.rename"
    title: Title


class ChatDelete(Message):
    """Deletes the chat of the envelope with all its messages. Answered by `chat.removed` to all connections."""

    type: ClassVar[str] = "chat.delete"


class ChatSearch(Message):
    """Searches the text of all the account's messages. Answered by `chat.found`."""

    type: ClassVar[str] = "chat.search"
    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class ChatExport(Message):
    """Asks for the chat of the envelope as JSON lines. Answered by one or more `file.part`."""

    type: ClassVar[str] = "chat.export"


class ChatImport(Message):
    """Makes a new chat from an uploaded export. Answered by `chat.snapshot`."""

    type: ClassVar[str] = "chat.import"
    upload: Id = Field(description="id from `upload.done`")


class UploadStart(Message):
    """Announces an upload; binary frames with the content follow (≤ 64 KiB each). Answered by `upload.done`."""

    type: ClassVar[str] = "upload.start"
    kind: Literal["chat", "card"]
    size: Annotated[int, Field(ge=1, le=MAX_UPLOAD_BYTES)] = Field(description="bytes")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(description="of the whole content")


class TurnSend(Message):
    """Says something. Answered by `turn.ack`; everybody in the chat gets `turn.start`.

    Sending the same `client_id` again changes nothing and is acknowledged as a duplicate.
    """

    type: ClassVar[str] = "turn.send"
    client_id: Id = Field(description="chosen by the client, once per thing said")
    parent: Id | None = Field(None, description="message to answer (default: the end of the active line)")
    text: Text


class TurnStop(Message):
    """Stops the chat's live turn; what was said stays. Harmless when none is live."""

    type: ClassVar[str] = "turn.stop"


class TurnRetry(Message):
    """Asks for another reply beside `message`. Answered by `turn.ack`."""

    type: ClassVar[str] = "turn.retry"
    client_id: Id
    message: Id = Field(description="the reply to try again, or the user's message that has none")


class TurnPick(Message):
    """Makes `message` (and its latest continuation) the active line. Everybody gets `turn.picked`."""

    type: ClassVar[str] = "turn.pick"
    message: Id


class MessageEdit(Message):
    """A changed version beside `message`. Of a user's message: a branch, answered anew. Of a reply: an edited sibling."""

    type: ClassVar[str] = "message.edit"
    client_id: Id
    message: Id
    text: Text


class MessageDelete(Message):
    """Deletes `message` and all that follows it. Everybody gets `message.removed`."""

    type: ClassVar[str] = "message.delete"
    message: Id


class Feedback(Message):
    """👍, 👎 or neither on a reply. Everybody gets `message.marked`."""

    type: ClassVar[str] = "feedback"
    message: Id
    good: bool | None = Field(description="true 👍, false 👎, null takes the mark away")


class CardList(Message):
    """Asks for the cards the account can talk to. Answered by `card.list`."""

    type: ClassVar[str] = "card.list"


class CardImport(Message):
    """Adds an uploaded character card (V2 or V3, JSON or PNG). Answered by `card.list`."""

    type: ClassVar[str] = "card.import"
    upload: Id


class CardExport(Message):
    """Asks for a card as a file. Answered by one or more `file.part`."""

    type: ClassVar[str] = "card.export"
    card: Id
    format: Literal["json", "png"] = "png"


class CardDelete(Message):
    """Removes an imported card. Chats that use it keep it. Answered by `card.list`."""

    type: ClassVar[str] = "card.delete"
    card: Id


class Profile(Message):
    """How she addresses the account's user. Answered by `profile` to all of the account's connections."""

    type: ClassVar[str] = "profile.set"
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)] = Field(description="empty: unknown")


class MemoryList(Message):
    """Asks what she remembers of the user, newest first. Answered by `memory.list`."""

    type: ClassVar[str] = "memory.list"
    kind: MemoryKind | None = Field(None, description="only this kind")
    before: Annotated[str, StringConstraints(max_length=80)] | None = Field(
        None, description="`more` of the last answer: the page after it"
    )


class MemorySearch(Message):
    """Looks for memories by meaning and words. Answered by `memory.list`, the most fitting first."""

    type: ClassVar[str] = "memory.search"
    text: MemoryText


class MemoryAdd(Message):
    """Tells her something to remember, in every chat. Answered by `memory.changed`, as are all other connections."""

    type: ClassVar[str] = "memory.add"
    kind: MemoryKind
    slot: MemorySlot | None = None
    text: MemoryText


class MemoryEdit(Message):
    """Changes the words of a memory, or pins it. Answered by `memory.changed`, as are all other connections."""

    type: ClassVar[str] = "memory.edit"
    id: Id
    text: MemoryText | None = None
    pinned: bool | None = None


class MemoryDelete(Message):
    """Has her forget one memory for good. Answered by `memory.forgotten`, as are all other connections."""

    type: ClassVar[str] = "memory.delete"
    id: Id


class MemoryForget(Message):
    """Has her forget, or answers her `memory.forget_asked`. Answered by `memory.forgotten`, as are all other connections.

    With `message` the question of that reply is settled (the envelope names its chat), and what it asked about is meant.
    """

    type: ClassVar[str] = "memory.forget"
    ids: Annotated[list[Id], Field(max_length=1000)] = Field(default_factory=list)
    confirm: bool = Field(description="false: she keeps them")
    message: Id | None = Field(None, description="the reply that asked")


class ConductList(Message):
    """Asks for the account's own warnings and bans, newest first. Answered by `conduct.list`."""

    type: ClassVar[str] = "conduct.list"


class ConductAppeal(Message):
    """Objects to a decision, once. Answered by `conduct.changed`, as are all other connections."""

    type: ClassVar[str] = "conduct.appeal"
    decision: Id
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_APPEAL_CHARACTERS)]


class AdminList(Message):
    """Operators only. Asks for everybody's decisions, newest first. Answered by `admin.list`."""

    type: ClassVar[str] = "admin.list"
    only: Literal["all", "standing", "lifted", "appeals"] = Field("all", description="appeals: those without an answer")
    account: Annotated[str, StringConstraints(max_length=40)] | None = Field(None, description="name of one account")
    before: Annotated[str, StringConstraints(max_length=80)] | None = Field(
        None, description="`more` of the last answer: the page after it"
    )


class AdminDecide(Message):
    """Operators only. Upholds a decision or lifts it, with what followed from it. Answered by `admin.decided`."""

    type: ClassVar[str] = "admin.decide"
    decision: Id
    state: Literal["upheld", "lifted"]
    answer: Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_APPEAL_CHARACTERS)] = Field(
        "", description="for the user"
    )


class AdminStats(Message):
    """Operators only. Asks for counts. Answered by `admin.stats`."""

    type: ClassVar[str] = "admin.stats"


class TurnTyping(Message):
    """The user is writing in the chat of the envelope: she looks up. Worth sending every two seconds; not answered."""

    type: ClassVar[str] = "turn.typing"


class FaceWatch(Message):
    """Shows her face in the chat of the envelope, as binary frames, or ends it. Answered by `face.watching`.

    A connection watches one chat: another takes its place. End it while the face cannot be seen: what nobody watches is not
    drawn. Frames that the client cannot take in time are dropped, never queued.
    """

    type: ClassVar[str] = "face.watch"
    on: bool = True
    fps: Annotated[int, Field(ge=1, le=60)] = Field(20, description="frames a second that are wanted at most")


class FaceStill(Message):
    """Asks for her portrait with an emotion, in the chat of the envelope. Answered by `face.picture`."""

    type: ClassVar[str] = "face.still"
    emotion: Annotated[str, StringConstraints(max_length=20)]
    strength: Annotated[float, Field(ge=0, le=1)] = 0.5
    size: Literal[128, 256, 512] = Field(128, description="pixels; never more than the generator paints")


class FaceGallery(Message):
    """Asks for faces to choose hers from. Answered by `face.gallery`, which may take seconds at first.

    They follow what the account has rated. The envelope may name a chat, whose card says which gender is meant.
    """

    type: ClassVar[str] = "face.gallery"
    round: Annotated[int, Field(ge=0, le=10_000)] = Field(
        0, description="0 begins anew; with 1, 2, … no face comes twice"
    )
    gender: Literal["card", "female", "male", "all"] = "card"


class FaceRate(Message):
    """Says how a face of a gallery is liked. Answered by `face.rated`."""

    type: ClassVar[str] = "face.rate"
    face: Id
    rating: Annotated[int, Field(ge=1, le=5)] | None = Field(
        description="1 not at all … 5 very much; null takes it back"
    )


class FaceChoose(Message):
    """Makes a face of a gallery hers, for this account. Answered by `face.chosen`, as are all other connections."""

    type: ClassVar[str] = "face.choose"
    face: Id


class FaceReset(Message):
    """Gives her the first face again. Answered by `face.chosen`, as are all other connections."""

    type: ClassVar[str] = "face.reset"
    ratings: bool = Field(False, description="forgets the account's ratings as well")


class Ping(Message):
    """Asks for a `pong`."""

    type: ClassVar[str] = "ping"


# ---------------------------------------------------------------------------------------------------------------------
# From the server


class ChatSummary(BaseModel):
    """A chat in the list."""

    id: str
    title: str
    card: str
    character: str = Field(description="the card's name")
    updated: float = Field(description="seconds since 1970")
    preview: str = Field(description="beginning of the last message")
    live: bool = Field(description="a turn is being written now")


class MessageState(BaseModel):
    """A message of the tree."""

    id: str
    parent: str | None = Field(description="message it follows; null begins the chat")
    role: Literal["user", "assistant"]
    text: str
    status: Literal["complete", "live", "stopped", "interrupted", "failed"]
    emotion: str | None = Field(None, description="of a reply: one of the eight")
    strength: float | None = Field(None, description="0–1")
    error: str | None = Field(None, description="of a failed reply: why, a Korean sentence for the user")
    created: float = Field(description="seconds since 1970")
    good: bool | None = Field(None, description="the user's 👍 👎")
    model: str | None = Field(None, description="who wrote it")
    turn: str | None = None
    client_id: str | None = None
    edited: bool = Field(False, description="a reply changed by the user's hand")


class ModelInfo(BaseModel):
    """The language model that speaks."""

    name: str
    bundled: bool = Field(description="the small model that ships with the program")


class CardSummary(BaseModel):
    id: str
    name: str
    creator: str
    description: str = Field(description="the creator's notes, or the beginning of the description")
    tags: list[str]
    greetings: list[str]
    builtin: bool


class EarlierMemory(BaseModel):
    """What a memory took the place of."""

    id: str
    text: str
    said: float = Field(description="seconds since 1970")


class MemoryEntry(BaseModel):
    """One thing she remembers of the user."""

    id: str
    kind: MemoryKind
    slot: MemorySlot
    text: str
    quote: str = Field(description="the user's own words it came from; empty for what was added by hand")
    said: float = Field(description="seconds since 1970")
    chat: str | None = Field(description="where it was said; null for what was added by hand")
    message: str | None
    valid_from: str | None = Field(description="of an event: its first day, YYYY-MM-DD")
    valid_until: str | None = Field(
        description="of an event its last day, of anything else the day it ceased to be true"
    )
    pinned: bool
    state: Literal["live", "superseded"]
    source: Literal["pattern", "model", "hand"]
    earlier: list[EarlierMemory] = Field(description="what it took the place of, newest first")


class RecalledMemory(BaseModel):
    """A memory as a reply used it."""

    id: str
    text: str
    kind: MemoryKind
    said: float = Field(description="seconds since 1970")


class Ban(BaseModel):
    """A ban that holds."""

    decision: str
    category: str
    name: str = Field(description="of the category, Korean")
    reason: str = Field(description="Korean sentence for the user")
    until: float | None = Field(description="seconds since 1970; null: for ever")
    appealed: bool


class DecisionState(BaseModel):
    """A warning or a ban, as its user sees it."""

    id: str
    chat: str
    message: str
    text: str = Field(description="what was said; empty once it was deleted or its time has passed")
    category: str
    name: str = Field(description="of the category, Korean")
    step: Literal["warn", "ban", "care"]
    until: float | None = Field(description="of a ban: seconds since 1970; null: for ever")
    created: float = Field(description="seconds since 1970")
    state: Literal["given", "upheld", "lifted"]
    appealed: bool
    appeal: str | None
    answer: str | None = Field(description="of the operator to the appeal")


class AdminDecision(DecisionState):
    """A decision as operators see it."""

    account: str = Field(description="name of the account")
    normalized: str = Field(description="how the judge read the text")
    score: float = Field(description="probability of the category, 0–1")
    severity: int = Field(description="1 mild, 2 grave, 3 extreme")
    rule: str = Field(description="what decided")
    appealed_at: float | None
    decided: float | None
    decided_by: str | None


class HelpLine(BaseModel):
    name: str
    number: str


class Welcome(Message):
    """The connection is logged in."""

    type: ClassVar[str] = "welcome"
    account: str = Field(description="name of the account")
    user_name: str = Field(description="how she addresses the user; empty: unknown")
    token: str | None = Field(None, description="after a login code only: keep it, it is shown once")
    chats: list[ChatSummary]
    model: ModelInfo
    limits: dict[str, int] = Field(description="text: characters, frame: bytes, upload: bytes")
    memory: bool = Field(True, description="she remembers what the user tells")
    face: bool = Field(False, description="her face can be watched")
    conduct: bool = Field(True, description="what users say is judged, and bans hold")
    ban: Ban | None = Field(None, description="the account may not talk for now")
    operator: bool = Field(False, description="the account may use `admin.*`")
    time: float = Field(0.0, description="the server's clock, seconds since 1970: what `until` goes by")
    server: str = Field(description="version of the program")


class ChatListed(Message):
    """The account's chats, newest first."""

    type: ClassVar[str] = "chat.list"
    chats: list[ChatSummary]


class MemoryUsed(Message):
    """Event. What the reply `message` recalls; comes before its first word."""

    type: ClassVar[str] = "memory.used"
    message: str
    memories: list[RecalledMemory]


class MemoryForgetAsked(Message):
    """Event. In the reply `message` she asks whether to forget these.

    Answered by `memory.forget{message, confirm}`, or by a plain yes or no as the user's next message.
    """

    type: ClassVar[str] = "memory.forget_asked"
    message: str
    ids: list[str]
    texts: list[str] = Field(description="of the first 20 of `ids`")
    settled: Literal["forgotten", "kept"] | None = Field(None, description="the user's answer")


class ChatSnapshot(Message):
    """The whole of a chat as it stands at `seq`."""

    type: ClassVar[str] = "chat.snapshot"
    chat: ChatSummary
    messages: list[MessageState] = Field(description="all branches, parents before children")
    active: str | None = Field(description="last message of the active line")
    seq: int = Field(description="last event this snapshot holds")
    face: dict[str, Any] | None = Field(None, description="the last `face.set` of the chat")
    used: dict[str, list[RecalledMemory]] = Field(default_factory=dict, description="reply → what it recalled")
    asked: list[MemoryForgetAsked] = Field(default_factory=list, description="questions the user has not answered")
    saved: dict[str, list[MemoryEntry]] = Field(
        default_factory=dict, description="message of the user → what she remembers of it"
    )
    decisions: list[DecisionState] = Field(default_factory=list, description="about messages of this chat")


class ChatChanged(Message):
    """A chat was made, renamed or talked in. Sent to all of the account's connections."""

    type: ClassVar[str] = "chat.changed"
    chat: ChatSummary


class ChatRemoved(Message):
    """The chat of the envelope is gone. Sent to all of the account's connections."""

    type: ClassVar[str] = "chat.removed"


class Hit(BaseModel):
    chat: str
    title: str
    message: str
    role: Literal["user", "assistant"]
    text: str = Field(description="the passage around the match")
    created: float


class ChatFound(Message):
    """What a search found, newest first, at most 50."""

    type: ClassVar[str] = "chat.found"
    query: str
    hits: list[Hit]


class FilePart(Message):
    """A piece of a file the client asked for. The parts of one answer share the request's `id`."""

    type: ClassVar[str] = "file.part"
    name: str = Field(description="suggested file name")
    media_type: str
    part: int = Field(description="0, 1, …")
    parts: int
    base64: str = Field(description="the content of this part")


class UploadDone(Message):
    """The upload arrived whole and matches its checksum."""

    type: ClassVar[str] = "upload.done"
    upload: str


class TurnAck(Message):
    """What the client said is on disk."""

    type: ClassVar[str] = "turn.ack"
    client_id: str
    message: str = Field(description="id of the user's message, or of the edited reply")
    duplicate: bool = Field(description="this `client_id` had been taken already; nothing was done")


class TurnStart(Message):
    """Event. A turn began: the user's message (absent on a retry) and the empty reply, which is now the active end."""

    type: ClassVar[str] = "turn.start"
    user: MessageState | None
    reply: MessageState


class FaceSet(Message):
    """Event. What she feels from now on, before the first word of the reply."""

    type: ClassVar[str] = "face.set"
    emotion: str
    strength: float = Field(description="0–1")
    attributes: dict[str, float] = Field(description="face attributes, by the card's emotion table")


class FaceWatching(Message):
    """Binary frames with her face follow, or follow no more."""

    type: ClassVar[str] = "face.watching"
    on: bool
    watch: int = Field(0, description="number that stands in the header of these frames")
    fps: float = Field(0, description="frames a second at most; fewer while little moves")
    size: int = Field(0, description="width and height in pixels")
    media_type: str = ""
    face: str = Field("", description="changes when she looks different: another face was chosen")


class FacePicture(Message):
    """Her portrait."""

    type: ClassVar[str] = "face.picture"
    emotion: str
    strength: float = Field(
        description="of the picture: a quarter, half, three quarters or 1, the nearest to what was asked"
    )
    face: str = Field(description="as in `face.watching`")
    media_type: str
    base64: str


class FaceOffer(BaseModel):
    """A face to choose."""

    id: str
    media_type: str
    base64: str = Field(description="its picture at rest")
    expected: float | None = Field(description="the rating that is expected, 1–5; null while nothing is known")


class FacePortrait(BaseModel):
    """Her face as an account sees it."""

    id: str | None = Field(description="of the chosen face; null: the first one")
    face: str = Field(description="as in `face.watching`")
    media_type: str
    base64: str = Field(description="its picture at rest")


class FaceOffers(Message):
    """Faces to choose hers from, those first that are expected to be liked."""

    type: ClassVar[str] = "face.gallery"
    round: int
    faces: list[FaceOffer]
    current: FacePortrait
    ratings: int = Field(description="how many faces the account has rated")
    exploring: float = Field(description="share of the gallery that explores instead of following the taste, 0–1")
    gender: Literal["female", "male", "all"]


class FaceRated(Message):
    """The rating is on disk."""

    type: ClassVar[str] = "face.rated"
    face: str
    rating: int | None
    ratings: int = Field(description="how many faces the account has rated")


class FaceChosen(Message):
    """She looks like this from now on. Sent to all of the account's connections."""

    type: ClassVar[str] = "face.chosen"
    current: FacePortrait


class TurnDelta(Message):
    """Event. More words of the live reply."""

    type: ClassVar[str] = "turn.delta"
    message: str
    text: str


class TurnDone(Message):
    """Event. The turn ended; `reply` is final.

    reason `complete`: she finished; `length`: the reply reached its limit; `stopped`: by `turn.stop`;
    `interrupted`: the server went down meanwhile; `failed`: the model failed, `error` says why.
    """

    type: ClassVar[str] = "turn.done"
    reply: MessageState
    reason: Literal["complete", "length", "stopped", "interrupted", "failed"]
    error: str | None = Field(None, description="Korean sentence for the user")


class TurnPicked(Message):
    """Event. Another line of the tree is active."""

    type: ClassVar[str] = "turn.picked"
    active: str


class MessageAdded(Message):
    """Event. A reply was edited by hand: the new sibling, now active."""

    type: ClassVar[str] = "message.added"
    message: MessageState


class MessageRemoved(Message):
    """Event. These messages are gone."""

    type: ClassVar[str] = "message.removed"
    messages: list[str]
    active: str | None


class MessageMarked(Message):
    """Event. A reply has a new 👍 👎 mark."""

    type: ClassVar[str] = "message.marked"
    message: str
    good: bool | None


class CardListed(Message):
    """The cards the account can talk to."""

    type: ClassVar[str] = "card.list"
    cards: list[CardSummary]
    imported: str | None = Field(None, description="id of the card just imported")


class ProfileState(Message):
    """How she addresses the user. Sent to all of the account's connections."""

    type: ClassVar[str] = "profile"
    name: str


class MemoryListed(Message):
    """What she remembers, or what a search found."""

    type: ClassVar[str] = "memory.list"
    memories: list[MemoryEntry]
    more: str | None = Field(None, description="there is more: ask for it with this as `before`")
    counts: dict[str, int] = Field(default_factory=dict, description="kind → how many there are in all")
    query: str | None = Field(None, description="the text of a search")


class MemorySaved(Message):
    """She remembers something the user said. Sent to all of the account's connections; the envelope names the chat."""

    type: ClassVar[str] = "memory.saved"
    message: str = Field(description="the user's message it came from")
    memories: list[MemoryEntry]


class MemoryChanged(Message):
    """A memory was added or changed by hand. Sent to all of the account's connections."""

    type: ClassVar[str] = "memory.changed"
    memory: MemoryEntry


class MemoryForgotten(Message):
    """These memories are gone for good. Sent to all of the account's connections.

    `message` names a reply whose `memory.forget_asked` is settled by this; `ids` is empty where the user said no.
    """

    type: ClassVar[str] = "memory.forgotten"
    ids: list[str]
    message: str | None = None


class NoticeWarn(Message):
    """Event. A message of the user was objected to. Her reply says so in her own words."""

    type: ClassVar[str] = "notice.warn"
    decision: DecisionState


class NoticeBan(Message):
    """The account may not talk for now. An event of the chat in which it happened, and told to all its connections.

    Until the ban ends or is lifted, `turn.send`, `turn.retry` and `message.edit` are answered by an `error` of code `banned`.
    """

    type: ClassVar[str] = "notice.ban"
    decision: DecisionState
    ban: Ban


class NoticeCare(Message):
    """Event. A message of the user tells of harm to himself: she answers with care, and here is who helps."""

    type: ClassVar[str] = "notice.care"
    decision: DecisionState
    lines: list[HelpLine]


class NoticeLifted(Message):
    """Decisions were lifted, or changed because one before them was. Sent to all of the account's connections."""

    type: ClassVar[str] = "notice.lifted"
    decisions: list[DecisionState]
    ban: Ban | None = Field(description="what holds still")


class ConductListed(Message):
    """The account's own decisions, newest first, at most 200."""

    type: ClassVar[str] = "conduct.list"
    decisions: list[DecisionState]
    ban: Ban | None


class ConductChanged(Message):
    """A decision was appealed against or upheld. Sent to all of the account's connections."""

    type: ClassVar[str] = "conduct.changed"
    decision: DecisionState


class AdminListed(Message):
    """Decisions about everybody, newest first."""

    type: ClassVar[str] = "admin.list"
    decisions: list[AdminDecision]
    more: str | None = Field(None, description="there is more: ask for it with this as `before`")


class AdminDecided(Message):
    """The decision as it stands now, and those that changed with it."""

    type: ClassVar[str] = "admin.decided"
    decisions: list[AdminDecision]


class AdminCounts(Message):
    """What there is."""

    type: ClassVar[str] = "admin.stats"
    categories: dict[str, dict[str, int]] = Field(description="category → warn, ban, care, lifted → how many")
    names: dict[str, str] = Field(description="category → its Korean name")
    decisions: int
    last_week: int
    accounts: int = Field(description="that were ever objected to")
    appeals: int
    waiting: int = Field(description="appeals without an answer")
    banned: int = Field(description="accounts that may not talk now")


class Error(Message):
    """A request could not be served. The connection stays open, unless a close frame follows.

    `code`: bad_request, not_found, unauthorized, turn_live, rate_limited, banned, forbidden, too_large, model_failed, storage, internal.
    """

    type: ClassVar[str] = "error"
    code: str
    text: str = Field(description="Korean sentence: what was wrong and what to do")
    ref: str | None = Field(None, description="`id` of the request")


class Pong(Message):
    """Answer to `ping`."""

    type: ClassVar[str] = "pong"


CLIENT_MESSAGES: dict[str, type[Message]] = {
    cls.type: cls
    for cls in (
        Hello, ChatList, ChatOpen, ChatRename, ChatDelete, ChatSearch, ChatExport, ChatImport, UploadStart, TurnSend, TurnStop,
        TurnRetry, TurnPick, MessageEdit, MessageDelete, Feedback, CardList, CardImport, CardExport, CardDelete, Profile,
        MemoryList, MemorySearch, MemoryAdd, MemoryEdit, MemoryDelete, MemoryForget,
        TurnTyping, FaceWatch, FaceStill, FaceGallery, FaceRate, FaceChoose, FaceReset,
        ConductList, ConductAppeal, AdminList, AdminDecide, AdminStats, Ping,
    )
}  # fmt: skip
SERVER_MESSAGES: dict[str, type[Message]] = {
    cls.type: cls
    for cls in (
        Welcome, ChatListed, ChatSnapshot, ChatChanged, ChatRemoved, ChatFound, FilePart, UploadDone, TurnAck, TurnStart, FaceSet,
        FaceWatching, FacePicture, FaceOffers, FaceRated, FaceChosen,
        TurnDelta, TurnDone, TurnPicked, MessageAdded, MessageRemoved, MessageMarked, CardListed, ProfileState, MemoryListed,
        MemoryUsed, MemorySaved, MemoryChanged, MemoryForgotten, MemoryForgetAsked,
        NoticeWarn, NoticeBan, NoticeCare, NoticeLifted, ConductListed, ConductChanged,
        AdminListed, AdminDecided, AdminCounts, Error, Pong,
    )
}  # fmt: skip


class Envelope(BaseModel):
    """The outer object of a client's frame."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    v: Literal[1]
    type: Annotated[str, StringConstraints(max_length=40)]
    id: Id | None = None
    chat: Id | None = None
    turn: Id | None = None
    seq: Seq | None = None
    data: dict[str, Any] = Field(default_factory=dict)


def parse(frame: str) -> tuple[Envelope, Message]:
    """Reads a client's text frame.

    Raises:
        BadRequest: it is no envelope, its type is unknown, or a field is wrong; the text names the field.
    """
    try:
        envelope = Envelope.model_validate_json(frame)
    except ValidationError as error:
        raise BadRequest(f"메시지 형식이 잘못됐어요 ({first_problem(error)}).") from None
    payload = CLIENT_MESSAGES.get(envelope.type)
    if payload is None:
        raise BadRequest(f"모르는 종류의 메시지예요: {envelope.type!r}.")
    try:
        return envelope, payload.model_validate(envelope.data)
    except ValidationError as error:
        raise BadRequest(f"{envelope.type}: 내용이 잘못됐어요 ({first_problem(error)}).") from None


def reference(frame: str) -> str | None:
    """The ``id`` of a frame that could not be read as a whole, if it can be made out."""
    try:
        ref = json.loads(frame).get("id")
    except (ValueError, AttributeError, RecursionError):
        return None
    return ref if isinstance(ref, str) and re.fullmatch(r"[A-Za-z0-9_\-]{1,64}", ref) else None


def first_problem(error: ValidationError) -> str:
    """The first problem of a validation, as ``field: what is wrong``, without the offending value."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    place = place if len(place) <= 80 else f"{place[:79]}…"  # the name of an unknown field is the sender's
    return f"{place}: {problem['msg']}" if place else problem["msg"]


def encode(message: Message, *, ref: str | None = None, chat: str | None = None) -> str:
    """A server's frame that is no stored event: an answer or a broadcast."""
    return frame(message.type, message.model_dump_json(), ref=ref, chat=chat)


def delta_json(message: str, text: str) -> str:
    """What `TurnDelta.model_dump_json` writes, at a tenth of its cost: no other message is written so often.

    Args:
        message: an id of the server's own: nothing to escape.
    """
    return f'{{"message":"{message}","text":{encode_basestring(text)}}}'


def frame(
    type: str,
    data: str,
    *,
    ref: str | None = None,
    chat: str | None = None,
    turn: str | None = None,
    seq: int | None = None,
) -> str:
    """An envelope around a payload that is JSON already. Ids come from the server or match `Id`: nothing to escape."""
    parts = [f'{{"v":{VERSION},"type":"{type}"']
    if ref is not None:
        parts.append(f'"id":"{ref}"')
    if chat is not None:
        parts.append(f'"chat":"{chat}"')
    if turn is not None:
        parts.append(f'"turn":"{turn}"')
    if seq is not None:
        parts.append(f'"seq":{seq}')
    return ",".join(parts) + f',"data":{data}}}'
