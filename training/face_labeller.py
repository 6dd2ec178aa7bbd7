"""A small network that reads the ten face attributes from a picture, for the attribute stage of `training.face`.

It is trained on the labelled pictures of the folder and shares neither weights nor code with the judge that measures faces.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylegan.attributes import ATTRIBUTES, CONDITIONS
from training.errors import TrainingError
from training.face_run import falling, run

if TYPE_CHECKING:
    from training.face_data import FaceFolder

LARGEST = 128  # pixels; larger pictures are scaled down to this
GRID = 8
FEWEST = 64
"""Pictures that a labeller needs at least."""


class Labeller(nn.Module):
    """Pictures [B, 3, R, R] of −1…1 → the attributes of CONDITIONS [B, 10], each scaled to −1…1 over its range.

    Args:
        resolution: R, a power of two from 16.
        widths: channels at each halving.
    """

    def __init__(self, resolution: int, widths: tuple[int, ...] = (24, 48, 96, 96)) -> None:
        super().__init__()
        self.side = min(LARGEST, resolution)
        halvings = max(1, int(math.log2(self.side / GRID)))
        sizes = [3, *(widths + widths[-1:] * 8)[:halvings]]
        stages = []
        for before, after in pairwise(sizes):
            stages += [nn.Conv2d(before, after, 3, 2, 1), nn.GroupNorm(8, after), nn.SiLU()]
            stages += [nn.Conv2d(after, after, 3, 1, 1), nn.GroupNorm(8, after), nn.SiLU()]
        self.stages = nn.Sequential(*stages)
        self.narrow = nn.Conv2d(sizes[-1], 32, 1)
        self.hidden = nn.Linear(32 * (self.side >> halvings) ** 2, 128)
        self.out = nn.Linear(128, len(CONDITIONS))

    def forward(self, pictures: Tensor) -> Tensor:
        factor = pictures.shape[-1] // self.side
        x = F.avg_pool2d(pictures, factor) if factor > 1 else pictures
        x = self.narrow(self.stages(x)).flatten(1)
        out: Tensor = self.out(F.silu(self.hidden(F.silu(x))))
        return out


def scaled(attributes: Tensor) -> Tensor:
    """Attributes [B, 10] in their own units → −1…1 over their ranges."""
    low, high = (
        attributes.new_tensor([getattr(ATTRIBUTES[name], end) for name in CONDITIONS]) for end in ("low", "high")
    )
    return (attributes - low) / (high - low) * 2 - 1


def correlations(found: Tensor, wanted: Tensor) -> dict[str, float]:
    """Pearson's correlation of each attribute's columns [N, 10]; 0 where one of them does not vary."""
    a, b = ((x - x.mean(0)).double() for x in (found, wanted))
    both = (a * b).sum(0) / ((a.square().sum(0) * b.square().sum(0)).sqrt() + 1e-12)
    return {name: round(float(value), 4) for name, value in zip(CONDITIONS, both, strict=True)}


class LabellerTrainer:
    """Trains a labeller on a folder of pictures; see `training.face_run.Run`."""

    def __init__(
        self, out: Path, faces: FaceFolder, resolution: int, budget: int, device: str, seed: int, batch: int = 16
    ) -> None:
        if len(faces) < FEWEST:
            raise TrainingError(f"{len(faces)} pictures are too few to read attributes from; give at least {FEWEST}")
        self.out, self.faces, self.resolution, self.budget, self.seed = out, faces, resolution, budget, seed
        self.device, self.batch_size = device, batch
        torch.manual_seed(seed)
        self.labeller = Labeller(resolution).to(device)
        self.optimizer = torch.optim.AdamW(self.labeller.parameters(), lr=1.0, weight_decay=0.01)
        self.training = len(faces) - max(16, min(512, len(faces) // 10))
        self.step, self.seen, self.seconds = 0, 0, 0.0
        self.losses: dict[str, list[float]] = {}
        out.mkdir(parents=True, exist_ok=True)

    @property
    def file(self) -> Path:
        return self.out / "labeller.pt"

    def save(self) -> None:
        state = {
            "resolution": self.resolution, "pictures": len(self.faces), "network": self.labeller.state_dict(),
            "optimizer": self.optimizer.state_dict(), "step": self.step, "seen": self.seen, "seconds": self.seconds,
            "losses": self.losses,
        }  # fmt: skip
        partial = self.file.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.file)

    def resume(self) -> None:
        """Goes on from what is in the output folder, if there is something."""
        if not self.file.exists():
            return
        state = torch.load(self.file, map_location=self.device, weights_only=True)
        if (state["resolution"], state["pictures"]) != (self.resolution, len(self.faces)):
            raise TrainingError(
                f"{self.file} was trained on {state['pictures']} pictures of {state['resolution']} pixels, not on "
                f"{len(self.faces)} of {self.resolution}; name another --out, or remove it"
            )
        self.labeller.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seen, self.seconds = state["step"], state["seen"], state["seconds"]
        self.losses = state["losses"]

    def stage(self, progress: float) -> tuple[int, int]:
        return self.labeller.side, self.batch_size

    def pictures(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """Pictures as floats, and their scaled attributes."""
        from stylegan.generator import from_pixels

        images = from_pixels(torch.from_numpy(np.array(self.faces.pictures[indices]))).to(self.device)
        factor = images.shape[-1] // self.labeller.side
        attributes = torch.from_numpy(self.faces.attributes[indices]).to(self.device)
        return F.avg_pool2d(images, factor) if factor > 1 else images, scaled(attributes)

    def train_step(self, progress: float) -> dict[str, float]:
        """One update; the random state depends on seed and step alone."""
        torch.manual_seed(self.seed * 1_000_003 + self.step)
        rng = np.random.default_rng((self.seed, self.step))
        images, wanted = self.pictures(rng.choice(self.training, self.batch_size, replace=self.training < 64))
        images = images + torch.randn_like(images) * (0.05 * float(rng.random()))
        for group in self.optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, (self.step + 1) / 50) * falling(progress)
        loss = F.smooth_l1_loss(self.labeller(images), wanted, beta=0.1)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.labeller.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step, self.seen = self.step + 1, self.seen + self.batch_size
        return {"labels": float(loss.detach())}

    @torch.no_grad()
    def read(self) -> tuple[Tensor, Tensor]:
        """What it reads from the held-out pictures, and what is right: [N, 10] each, scaled."""
        parts = np.array_split(np.arange(self.training, len(self.faces)), 1 + (len(self.faces) - self.training) // 64)
        pairs = [(self.labeller(images), wanted) for images, wanted in map(self.pictures, parts)]
        found, wanted = zip(*pairs, strict=True)
        return torch.cat(found), torch.cat(wanted)

    def held_out(self, resolution: int) -> float:
        """Mean absolute error on held-out pictures, as a share of each attribute's range."""
        found, wanted = self.read()
        return float((found - wanted).abs().mean()) / 2

    def sheet(self, path: Path, resolution: int) -> None:
        """There is nothing to look at."""


def train_labeller(trainer: LabellerTrainer, checkpoint_minutes: float, every: int) -> tuple[Labeller, Tensor] | None:
    """Trains, or goes on, until the budget is spent.

    Returns:
        The labeller, frozen, and how far each attribute's reading is to be trusted [10]: the squared correlation on held-out
        pictures, 0 where it is not positive. None if it was stopped before.
    """
    trainer.resume()
    if trainer.seen < trainer.budget and not run(trainer, 0.0, checkpoint_minutes, every):
        return None
    trust = [max(0.0, value) ** 2 for value in correlations(*trainer.read()).values()]
    return trainer.labeller.eval().requires_grad_(False), torch.tensor(trust, device=trainer.device)
