"""Draws faces live: the frames of everybody who watches in one forward pass of the generator, in one thread."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylegan.errors import BadWeights
from stylegan.fast_synthesis import FastSynthesis
from stylegan.generator import Generator, load_generator, to_pixels
from stylegan.identity import BUNDLED

KEPT_IDENTITIES = 256
LARGEST_BATCH = {"cpu": 8, "cuda": 32}
"""Faces in one pass; more are drawn in several. A larger batch on a CPU only waits longer for its first face."""
_MEMORY = 0.2  # weight of the newest pass in the measured time

Identity = NDArray[np.float32]
T = TypeVar("T")


def best_dtype(device: str) -> torch.dtype:
    """The quickest number format that the device computes in: bfloat16 on CUDA and on CPUs that have it (AMX, AVX-512)."""
    if device.startswith("cuda"):
        return torch.bfloat16
    cpu = torch.cpu
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        if getattr(cpu, name, bool)():
            return torch.bfloat16
    return torch.float32


def default_threads() -> int:
    """Half of the cores: the other half is the language model's, and threads that share a core wait for each other."""
    return max(1, len(os.sched_getaffinity(0)) // 2) if hasattr(os, "sched_getaffinity") else 1


class FaceRenderer:
    """Pictures of many identities with any attributes.

    Args:
        generator: ready for use.
        threads: of one pass on a CPU; None takes half of the cores.

    Attributes:
        resolution: side of the pictures in pixels.
        seconds: measured time of a pass, by the number of faces in it.
    """

    def __init__(self, generator: Generator, threads: int | None = None) -> None:
        self._generator = generator
        self._device = generator.w_avg.device
        self.resolution = generator.config.resolution
        self.seconds: dict[int, float] = {}
        self._identities: OrderedDict[bytes, Tensor] = OrderedDict()
        self._paint: Callable[[Tensor], Tensor]
        if self._device.type == "cuda":
            self._paint = torch.compile(generator.synthesis, dynamic=False)
        else:
            self._paint = FastSynthesis(generator)
        count = threads or default_threads()
        self._worker = ThreadPoolExecutor(1, "face", initializer=_use_threads, initargs=(count,))
        self._worker.submit(lambda: None).result()
        # What the worker has set for itself is also what threads to come would begin with: set that back.
        torch.set_num_threads(torch.get_num_threads())

    @classmethod
    def load(cls, face: str = "bundled", device: str = "auto", threads: int | None = None) -> FaceRenderer:
        """The bundled generator, or the one in a folder that `training.face` or `python -m stylegan import` wrote.

        Args:
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

        Raises:
            BadWeights: in one line, what is wrong with the folder or the device.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        elif device.startswith("cuda") and not torch.cuda.is_available():
            raise BadWeights(f"there is no device {device!r} on this machine; draw the face on the 'cpu'")
        folder = BUNDLED if face == "bundled" else Path(face)
        if not (folder / "config.json").is_file():
            raise BadWeights(f"{folder} holds no face generator (no config.json); name a folder that has one")
        return cls(load_generator(folder, device, best_dtype(device)), threads)

    @property
    def device(self) -> str:
        return str(self._device)

    @property
    def dtype(self) -> torch.dtype:
        """Of the convolutions."""
        return self._generator.dtype

    @property
    def latent_dim(self) -> int:
        """Length of an identity."""
        return self._generator.config.latent_dim

    def render(
        self, latents: Sequence[Identity] | NDArray[np.float32], attributes: Sequence[Mapping[str, float]]
    ) -> NDArray[np.uint8]:
        """Draws one face per row; blocks until they are drawn.

        Args:
            latents: [B, latent_dim]: who.
            attributes: B mappings of face attributes in their own units; what is not named is neutral.

        Returns:
            uint8 [B, resolution, resolution, 3], red, green, blue.

        Raises:
            ValueError: not as many attributes as latents, or a latent of another length.
        """
        return self.submit(latents, attributes, _as_they_are).result()

    def submit(
        self,
        latents: Sequence[Identity] | NDArray[np.float32],
        attributes: Sequence[Mapping[str, float]],
        finish: Callable[[NDArray[np.uint8]], T],
    ) -> Future[T]:
        """`render`, without waiting: passes are carried out one after another in the renderer's own thread.

        Args:
            finish: what is made of the pictures, in that thread; the result is the future's.
        """
        rows = np.asarray(latents, np.float32)
        if len(rows) != len(attributes):
            raise ValueError(f"{len(rows)} latents and {len(attributes)} sets of attributes do not make pairs")
        if len(rows) and rows.shape[1:] != (self.latent_dim,):
            raise ValueError(f"a latent of this generator has {self.latent_dim} numbers, not {rows.shape[-1]}")
        return self._worker.submit(lambda: finish(self._render(rows, list(attributes))))

    def warm_up(self, faces: int = 1) -> None:
        """Draws once, so that the first frame finds libraries, compiled code and a measured time ready."""
        latents = np.zeros((faces, self.latent_dim), np.float32)
        for _ in range(3):
            self.render(latents, [{}] * faces)

    def close(self) -> None:
        """Ends its thread after the pass under way."""
        self._worker.shutdown(cancel_futures=True)

    def _render(self, latents: NDArray[np.float32], attributes: list[Mapping[str, float]]) -> NDArray[np.uint8]:
        size, largest = self.resolution, LARGEST_BATCH.get(self._device.type, 8)
        pictures = np.empty((len(latents), size, size, 3), np.uint8)
        for begin in range(0, len(latents), largest):
            end = min(begin + largest, len(latents))
            started = time.perf_counter()
            pictures[begin:end] = self._pass(latents[begin:end], attributes[begin:end])
            self._measured(end - begin, time.perf_counter() - started)
        return pictures

    @torch.inference_mode()
    def _pass(self, latents: NDArray[np.float32], attributes: list[Mapping[str, float]]) -> NDArray[np.uint8]:
        count = len(latents)
        asked = self._generator.attribute_tensor(attributes)
        w = self._generator.condition(torch.stack([self._identity(latent) for latent in latents]), asked)
        if self._device.type == "cuda":  # each size of batch is compiled once, so there are few of them
            w = torch.cat([w, w[-1:].expand(_next_power_of_two(count) - count, -1)])
        found: NDArray[np.uint8] = to_pixels(self._paint(w))[:count].cpu().numpy()
        return found

    def _identity(self, latent: NDArray[np.float32]) -> Tensor:
        """w of a latent; the mapping network is asked once."""
        key = latent.tobytes()
        w = self._identities.get(key)
        if w is None:
            w = self._generator.mapping(torch.from_numpy(latent.copy())[None].to(self._device))[0]
            self._identities[key] = w
            if len(self._identities) > KEPT_IDENTITIES:
                self._identities.popitem(last=False)
        else:
            self._identities.move_to_end(key)
        return w

    def _measured(self, faces: int, seconds: float) -> None:
        before = self.seconds.get(faces, seconds)
        self.seconds[faces] = before + (seconds - before) * _MEMORY


def _use_threads(count: int) -> None:
    """For the calling thread."""
    torch.set_num_threads(count)
    torch.get_num_threads()  # a thread's first look at the number sets it; later it would find that of others


def _as_they_are(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pictures


def _next_power_of_two(count: int) -> int:
    return 1 << (count - 1).bit_length()
