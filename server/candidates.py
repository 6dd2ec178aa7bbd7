"""Faces that are ready to be offered: drawn, looked at and encoded once for all accounts, while somebody is choosing.

They are drawn few at a time between the live frames, in the renderer's own queue, and looked at in a thread of their own.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stylegan.candidates import candidate
from stylegan.errors import BadWeights
from stylegan.frames import encode_still
from stylegan.identity import Face
from stylegan.pictures import at_rest

if TYPE_CHECKING:
    from stylegan.face_space import FaceSpace
    from stylegan.filters import Filters
    from stylegan.renderer import FaceRenderer

logger = logging.getLogger(__name__)

MOST = 2000
"""Candidates that are ever drawn."""
SIDE = 256
BATCH, BATCH_BESIDE_FRAMES = 4, 1
REST_BESIDE_FRAMES = 1.5
"""How long drawing rests while somebody watches a face, in times of what a pass took."""
PROBE = 64
LEAST_SERVED = 1 / 16
"""Of the first `PROBE` candidates: filters that serve fewer do not know such faces, and are left out."""


@dataclass(frozen=True, eq=False)
class Offer:
    """A face that may be offered.

    Attributes:
        number: of the candidate.
        vector: where it lies among faces, [D].
        picture: at rest, as WebP.
        gender: 0 male … 1 female; None where no filter tells.
        is_served: whether the filters find the picture good.
    """

    number: int
    face: Face
    vector: NDArray[np.float32]
    picture: bytes
    gender: float | None
    is_served: bool


class Eyes:
    """Looks at pictures of faces.

    Args:
        space: where faces lie; without one, a face's latent itself is taken.
        filters: what may be offered; without any, all is.
    """

    def __init__(self, space: FaceSpace | None, filters: Filters | None) -> None:
        self.space, self.filters = space, filters

    def vectors(self, faces: Sequence[Face], pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """[B, D]"""
        return np.stack([face.latent for face in faces]) if self.space is None else self.space.encode(pictures)

    def look(self, numbers: Sequence[int], faces: Sequence[Face], pictures: NDArray[np.uint8]) -> list[Offer]:
        """Judges pictures uint8 [B, H, W, 3] of faces at rest."""
        found = None if self.filters is None else self.filters.measure(pictures)
        least = 0.0 if self.filters is None else self.filters.config.quality
        vectors = self.vectors(faces, pictures)
        return [
            Offer(
                number, face, vectors[at], encode_still(pictures[at], SIDE),
                None if found is None else float(found["gender"][at]),
                found is None or float(found["quality"][at]) >= least,
            )
            for at, (number, face) in enumerate(zip(numbers, faces, strict=True))
        ]  # fmt: skip


def load_eyes() -> Eyes:
    """The bundled space of faces and the bundled filters, as far as they are there."""
    import torch

    from stylegan.face_space import load_space
    from stylegan.filters import load_filters

    torch.set_num_threads(1)
    space = filters = None
    try:
        space = load_space()
    except BadWeights as error:
        logger.warning("tastes in faces are learnt from their latents: %s", error)
    try:
        filters = load_filters()
    except BadWeights as error:
        logger.warning("all faces are offered, whatever they look like: %s", error)
    return Eyes(space, filters)


class Candidates:
    """The faces that are ready; more are drawn when they are asked for. Lives on the event loop.

    Args:
        is_watched: whether live frames are being drawn, which go first.
        load: loads what looks at them, in a thread, when the first is wanted.
    """

    def __init__(
        self, renderer: FaceRenderer, is_watched: Callable[[], bool], load: Callable[[], Eyes] = load_eyes
    ) -> None:
        self.offers: dict[int, Offer] = {}
        self._renderer, self._is_watched, self._load = renderer, is_watched, load
        self._eyes: Eyes | None = None
        self._filtered = True
        self._next = 0
        self._drawing = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "face-candidates")

    @property
    def is_whole(self) -> bool:
        """All candidates that there will be are drawn."""
        return self._next >= MOST

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)

    def served(self, gender: str) -> list[Offer]:
        """Those that may be offered to who wants ``female``, ``male`` or ``all`` faces."""
        return [offer for offer in self.offers.values() if self._serves(offer, gender)]

    def _serves(self, offer: Offer, gender: str) -> bool:
        if not self._filtered:
            return True
        if gender == "all" or offer.gender is None:
            return offer.is_served
        return offer.is_served and (offer.gender >= 0.5) == (gender == "female")

    async def until(self, is_enough: Callable[[], bool], at_leisure: bool = False) -> None:
        """Has candidates drawn until there are enough, or all there will be.

        Args:
            at_leisure: nobody waits for them; drawing rests in between while somebody watches a face.
        """
        while not is_enough() and not self.is_whole:
            began = time.monotonic()
            async with self._drawing:
                if not is_enough():
                    await self._draw_some()
            if at_leisure and self._is_watched():
                await asyncio.sleep((time.monotonic() - began) * REST_BESIDE_FRAMES)

    async def _draw_some(self) -> None:
        size = BATCH_BESIDE_FRAMES if self._is_watched() else BATCH
        numbers = range(self._next, min(self._next + size, MOST))
        faces = [candidate(number, self._renderer.latent_dim) for number in numbers]
        pictures = await self._shown(faces)
        eyes = await self._loaded()
        loop = asyncio.get_running_loop()
        for offer in await loop.run_in_executor(self._thread, eyes.look, numbers, faces, pictures):
            self.offers[offer.number] = offer
        self._next = numbers.stop
        if self._filtered and self._next >= PROBE and len(self.served("all")) < LEAST_SERVED * self._next:
            logger.warning("the filters know no faces like this generator's: all are offered")
            self._filtered = False

    async def vectors(self, faces: Sequence[Face]) -> NDArray[np.float32]:
        """Where faces lie that are no candidates of this program any more: [B, D]."""
        eyes = await self._loaded()
        pictures = await self._shown(faces)
        return await asyncio.get_running_loop().run_in_executor(self._thread, eyes.vectors, faces, pictures)

    async def picture(self, face: Face) -> bytes:
        """A face at rest, as WebP."""
        pictures = await self._shown([face])
        return await asyncio.to_thread(encode_still, pictures[0], SIDE)

    async def _shown(self, faces: Sequence[Face]) -> NDArray[np.uint8]:
        return await asyncio.to_thread(
            self._renderer.render, [face.latent for face in faces], [face.showing(at_rest()) for face in faces]
        )

    async def _loaded(self) -> Eyes:
        if self._eyes is None:
            self._eyes = await asyncio.get_running_loop().run_in_executor(self._thread, self._load)
        return self._eyes
