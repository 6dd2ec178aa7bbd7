"""The choice of her face: galleries that follow an account's ratings, and the face that it has chosen.

A candidate is a number (`stylegan.candidates`), so an id that a page holds stays good over restarts. Ratings and the choice
keep the latent itself: they outlive a change of how candidates are numbered.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from server import protocol
from server.background import Background
from server.candidates import MOST, Candidates, Eyes, Offer, load_eyes
from server.cards import card_of_chat
from server.errors import NotFound
from server.hub import Hub, Watcher
from server.storage import chats
from server.storage import taste as storage
from server.storage.database import Database
from server.storage.taste import RatedFace
from stylegan.candidates import candidate
from stylegan.frames import STILL_MEDIA_TYPE
from stylegan.identity import Face
from stylegan.taste import Ratings, TasteModel, exploring_share, next_gallery, spread_of

if TYPE_CHECKING:
    from server.faces import FaceOf, Faces
    from stylegan.renderer import FaceRenderer

logger = logging.getLogger(__name__)

GALLERY = 12
AT_FIRST, PATIENCE = 3 * GALLERY, 3.0
"""Unseen candidates that a gallery is chosen from, and the seconds after which a gallery's worth of them is enough."""
AT_EASE = 300
"""Unseen candidates that are drawn meanwhile, while somebody is choosing."""
CHOOSING_SECONDS = 120.0
"""After the last request nobody is choosing any more."""
KEPT_ACCOUNTS = 500
KEPT_VECTORS = 5000
Gender = Literal["female", "male", "all"]
_ID = re.compile(r"n(\d{1,4})")


def ident(number: int) -> str:
    """How clients name a candidate."""
    return f"n{number}"


def number_of(face: str) -> int:
    """The candidate that a client names.

    Raises:
        NotFound: there is no such.
    """
    found = _ID.fullmatch(face)
    if found is None or int(found[1]) >= MOST:
        raise NotFound("그런 얼굴은 없어요. 얼굴 목록을 새로 열어 주세요.")
    return int(found[1])


class Taste:
    """Tastes and choices of all accounts. Lives on the event loop.

    Args:
        first: the face of who has not chosen.
        load: loads what looks at candidates.

    Attributes:
        faces: those that are watched; set by the app.
    """

    def __init__(
        self,
        renderer: FaceRenderer,
        first: FaceOf,
        database: Database,
        hub: Hub,
        load: Callable[[], Eyes] = load_eyes,
    ) -> None:
        self.faces: Faces | None = None
        self._latent_dim = renderer.latent_dim
        self._first, self._database, self._hub = first, database, hub
        self._candidates = Candidates(renderer, self._is_watched, load)
        self._shown: OrderedDict[str, set[int]] = OrderedDict()  # account → candidates it was offered lately
        self._vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()  # of faces by key
        self._asked_at = 0.0
        self._filling: asyncio.Task[None] | None = None
        self._background = Background()

    def _is_watched(self) -> bool:
        return self.faces is not None and self.faces.is_watched

    async def close(self) -> None:
        """Lets go of the candidates; one that is being drawn is finished."""
        self._asked_at = 0.0
        if self._filling is not None:
            self._filling.cancel()
        await self._background.settle()
        self._candidates.close()

    # --- whose face

    async def face_of(self, account: str) -> Face:
        """The face an account has chosen for her, or else the first one."""
        return (await self._current(account))[1]

    async def _current(self, account: str) -> tuple[str | None, Face]:
        found = await self._database.read(lambda connection: storage.choice_of(connection, account))
        if found is not None and len(found[1].latent) == self._latent_dim:  # else the generator is another one now
            return found
        return None, await self._first(account)

    async def choose(self, account: str, face: str, by: Watcher) -> protocol.FaceChosen:
        """Makes a candidate hers on all pages of the account.

        Raises:
            NotFound: there is no such candidate.
        """
        chosen = candidate(number_of(face), self._latent_dim)
        await self._database.write(lambda t: storage.choose(t.connection, account, face, chosen))
        return await self._changed(account, by)

    async def reset(self, account: str, ratings: bool, by: Watcher) -> protocol.FaceChosen:
        """The first face is hers again; with ``ratings`` what the account likes is forgotten as well."""

        def job(connection: sa.Connection) -> None:
            storage.unchoose(connection, account)
            if ratings:
                storage.forget_ratings(connection, account)

        await self._database.write(lambda t: job(t.connection))
        if ratings:
            self._shown.pop(account, None)
        return await self._changed(account, by)

    async def _changed(self, account: str, by: Watcher) -> protocol.FaceChosen:
        if self.faces is not None:
            await self.faces.changed(account)
        told = protocol.FaceChosen(current=await self._portrait(account))
        self._hub.broadcast(account, protocol.encode(told), but=by)
        return told

    async def _portrait(self, account: str) -> protocol.FacePortrait:
        face, current = await self._current(account)
        offer = None if face is None else self._candidates.offers.get(number_of(face))
        picture = offer.picture if offer is not None else await self._candidates.picture(current)
        return protocol.FacePortrait(
            id=face, face=current.key, media_type=STILL_MEDIA_TYPE, base64=base64.b64encode(picture).decode()
        )

    # --- what is liked

    async def rate(self, account: str, face: str, rating: int | None) -> protocol.FaceRated:
        """Stores how a candidate is liked, or takes that back.

        Raises:
            NotFound: there is no such candidate.
        """
        rated = candidate(number_of(face), self._latent_dim)
        count = await self._database.write(lambda t: storage.rate(t.connection, account, face, rated, rating))
        return protocol.FaceRated(face=face, rating=rating, ratings=count)

    async def gallery(self, account: str, chat: str | None, asked: protocol.FaceGallery) -> protocol.FaceOffers:
        """The next faces that an account is offered: none that it has rated, and none twice in one run of rounds.

        Raises:
            NotFound: no such chat of this account.
        """
        self._asked_at = began = time.monotonic()
        gender: Gender = asked.gender if asked.gender != "card" else await self._gender(account, chat)
        rated = await self._ratings(account)
        shown = self._shown_to(account, begins=asked.round == 0)
        known = {number_of(each.id) for each in rated if _ID.fullmatch(each.id)}

        def unseen() -> list[Offer]:
            return [each for each in self._candidates.served(gender) if each.number not in known | shown]

        def is_enough() -> bool:
            return len(unseen()) >= (AT_FIRST if time.monotonic() - began < PATIENCE else GALLERY)

        await self._candidates.until(is_enough)
        offers = unseen()
        if len(offers) < GALLERY:  # everything has been shown: begin anew
            shown.clear()
            offers = unseen()
        chosen, expected = await self._pick(rated, offers, asked.round)
        shown |= {each.number for each in chosen}
        self._fill(lambda: len(unseen()) >= AT_EASE)
        return protocol.FaceOffers(
            round=asked.round, faces=[self._offered(each, liking) for each, liking in zip(chosen, expected, strict=True)],
            current=await self._portrait(account), ratings=len(rated),
            exploring=round(exploring_share(len(rated)), 2), gender=gender,
        )  # fmt: skip

    async def _ratings(self, account: str) -> list[RatedFace]:
        rated = await self._database.read(lambda connection: storage.ratings_of(connection, account))
        return [each for each in rated if len(each.face.latent) == self._latent_dim]

    async def _gender(self, account: str, chat: str | None) -> Gender:
        """What the chat's card says: ``extensions.ohlora.gender``; 오로라 is a woman."""
        if chat is None:
            return "female"
        row = await self._database.read(lambda connection: chats.find_chat(connection, account, chat))
        ours = (card_of_chat(row.card_json).raw.get("data") or {}).get("extensions", {}).get("ohlora") or {}
        return "male" if ours.get("gender") == "male" else "female"

    def _shown_to(self, account: str, *, begins: bool) -> set[int]:
        shown = self._shown.pop(account, set())
        if begins:
            shown.clear()
        self._shown[account] = shown
        if len(self._shown) > KEPT_ACCOUNTS:
            self._shown.popitem(last=False)
        return shown

    async def _pick(
        self, rated: Sequence[RatedFace], offers: Sequence[Offer], round_: int
    ) -> tuple[list[Offer], list[float | None]]:
        """The faces of a gallery, and the rating that is expected of each; None where nothing is known."""
        if not offers:
            return [], []
        vectors = await self._vectors_of([each.face for each in rated])
        values = np.array([each.rating for each in rated], np.float64)

        def pick() -> tuple[list[Offer], list[float | None]]:
            candidates = np.stack([each.vector for each in offers]).astype(np.float64)
            known = Ratings(vectors.astype(np.float64) if len(rated) else np.zeros((0, candidates.shape[1])), values)
            rng = np.random.default_rng([round_, len(rated), offers[0].number])
            found = next_gallery(known, candidates, GALLERY, rng)
            if not len(rated):
                return [offers[at] for at in found], [None] * len(found)
            expected = TasteModel(known, spread_of(candidates)).predict(candidates[found])
            return [offers[at] for at in found], [round(float(value), 2) for value in expected]

        return await asyncio.to_thread(pick)

    async def _vectors_of(self, faces: Sequence[Face]) -> NDArray[np.float32]:
        """Where rated faces lie; those that are not known any more are drawn and looked at again."""
        for offer in self._candidates.offers.values():
            self._vectors.setdefault(offer.face.key, offer.vector)
        missing = [face for face in faces if face.key not in self._vectors]
        for face in missing:  # one by one, so that live frames come in between
            self._vectors[face.key] = (await self._candidates.vectors([face]))[0]
        found = [self._vectors[face.key] for face in faces]
        while len(self._vectors) > KEPT_VECTORS:
            self._vectors.popitem(last=False)
        return np.stack(found) if found else np.zeros((0, 0), np.float32)

    def _fill(self, is_enough: Callable[[], bool]) -> None:
        """Has more candidates drawn beside all else, while somebody is choosing."""
        if self._filling is not None and not self._filling.done():
            return

        def is_done() -> bool:
            return is_enough() or time.monotonic() - self._asked_at > CHOOSING_SECONDS

        self._filling = asyncio.create_task(self._fill_until(is_done), name="face-candidates")

    async def _fill_until(self, is_done: Callable[[], bool]) -> None:
        try:
            await self._candidates.until(is_done, at_leisure=True)
        except Exception:  # the next gallery will say so
            logger.exception("faces to choose from could not be drawn")

    @staticmethod
    def _offered(offer: Offer, expected: float | None) -> protocol.FaceOffer:
        return protocol.FaceOffer(
            id=ident(offer.number), media_type=STILL_MEDIA_TYPE, base64=base64.b64encode(offer.picture).decode(),
            expected=expected,
        )  # fmt: skip
