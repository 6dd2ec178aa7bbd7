"""The judge: measures the attributes of a face picture, apart from everything that made the picture.

A U-Net finds the regions and landmarks of a face, an own regressor its true yaw and pitch. Hair and background are measured
by formula over the regions. Eyes, mouth, smile and brow are read from the geometry of landmarks and regions by a small
calibrated map, which sees shapes alone and never a pixel. It was trained on other identities than any generator, and
shares no weights with what labels or trains one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stylegan.attributes import ATTRIBUTES, CONDITIONS
from stylegan.errors import BadWeights
from stylegan.geometry import extents, face_frame, hair_length, luminance, statistics
from stylegan.vision import Regressor, UNet, heat_points, to_tensor, whole
from stylegan.weights import build, folder_named, load_module, save_config, save_module

READ = ("eyes", "mouth", "smile", "brow")
"""The attributes that the calibrated map reads from geometry."""

Pictures = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class JudgeConfig:
    """The shape of a judge.

    Attributes:
        regions: names of the regions in the order of the renderer's segmentation; background and hair are among them.
        landmarks: names of the landmarks in order.
        left_eye, right_eye: the landmarks of the eye on the left and on the right of the picture, face seen from the front.
        shapes: regions whose extents are measured.
        resolution: side of the pictures that it looks at; others are resized.
        widths: channels of the U-Net.
        pose_widths: channels of the regressor of yaw and pitch.
        hidden: width of the calibrated map.
    """

    regions: tuple[str, ...]
    landmarks: tuple[str, ...]
    left_eye: tuple[str, ...]
    right_eye: tuple[str, ...]
    shapes: tuple[str, ...] = ("eye", "iris", "mouth")
    resolution: int = 256
    widths: tuple[int, ...] = (64, 96, 128, 160)
    pose_widths: tuple[int, ...] = (32, 64, 96, 128)
    hidden: int = 64

    def __post_init__(self) -> None:
        for name in ("background", "hair", *self.shapes):
            if name not in self.regions:
                raise BadWeights(
                    f"a judge needs the region {name!r}; the configuration names {', '.join(self.regions)}"
                )
        for name in (*self.left_eye, *self.right_eye):
            if name not in self.landmarks:
                raise BadWeights(f"the configuration of the judge has no landmark {name!r}")

    @property
    def measures(self) -> int:
        """How many numbers describe the geometry of one face."""
        return 2 * len(self.landmarks) + 6 * len(self.shapes) + 2

    @property
    def eyes(self) -> tuple[list[int], list[int]]:
        """The landmarks of both eyes by number."""
        at = self.landmarks.index
        return [at(name) for name in self.left_eye], [at(name) for name in self.right_eye]


class Calibration(nn.Module):
    """Geometry [B, measures] → the attributes of `READ` [B, 4]: a linear map and a small network beside it."""

    mean: Tensor
    scale: Tensor

    def __init__(self, measures: int, hidden: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(measures))
        self.register_buffer("scale", torch.ones(measures))
        self.linear = nn.Linear(measures, len(READ))
        self.bent = nn.Sequential(
            nn.Linear(measures, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, len(READ))
        )

    def forward(self, geometry: Tensor) -> Tensor:
        x = ((geometry - self.mean) / self.scale).clamp(-5, 5)
        return cast(Tensor, self.linear(x) + self.bent(x))


@dataclass
class Seen:
    """What the judge found in pictures.

    Attributes:
        regions: uint8 [B, R, R], numbers of `JudgeConfig.regions`.
        landmarks: [B, K, 2] pixels (x, y) of a picture of the judge's resolution.
        pose: yaw and pitch in degrees, [B, 2].
        geometry: [B, measures], what the calibrated map reads.
        eye_row: [B] pixels.
    """

    regions: NDArray[np.uint8]
    landmarks: Floats
    pose: Floats
    geometry: Floats
    eye_row: Floats


class Judge:
    """Measures attributes.

    Args:
        config: its shape.
        device: where its networks run.
    """

    def __init__(self, config: JudgeConfig, device: str = "cpu") -> None:
        self.config, self.device = config, device
        self.unet = UNet(len(config.regions), len(config.landmarks), config.widths)
        self.pose = Regressor(2, config.pose_widths)
        self.calibration = Calibration(config.measures, config.hidden)
        for network in self.networks.values():
            network.to(device).eval()

    @property
    def networks(self) -> dict[str, nn.Module]:
        """By the name of the file that each is stored in."""
        return {"regions": self.unet, "pose": self.pose, "calibration": self.calibration}

    def batches(self, pictures: Pictures, size: int) -> Iterator[tuple[Pictures, Tensor]]:
        if pictures.ndim != 4 or pictures.shape[-1] != 3 or pictures.dtype != np.uint8:
            raise ValueError(f"pictures are uint8 [B, H, W, 3]; these are {pictures.dtype} {list(pictures.shape)}")
        for start in range(0, len(pictures), size):
            part = np.ascontiguousarray(pictures[start : start + size])
            tensor = to_tensor(part, self.config.resolution).to(self.device)
            if part.shape[1:3] != (self.config.resolution,) * 2:
                shown = (tensor.float() * 127.5 + 128).clamp(0, 255).byte().permute(0, 2, 3, 1)
                part = shown.cpu().contiguous().numpy()
            yield part, tensor

    @torch.inference_mode()
    def look(self, tensor: Tensor) -> Seen:
        """Finds regions, landmarks and pose in float pictures [B, 3, R, R] of −1…1."""
        config = self.config
        with torch.autocast(tensor.device.type, torch.bfloat16):
            logits, heat = self.unet(tensor)
            angles = self.pose(tensor)
        share = whole(logits.softmax(1, torch.float32))
        points = heat_points(heat, config.resolution).cpu().numpy()
        pose = (angles.float().cpu().numpy() * pose_scale()).astype(np.float32)
        frame, unit = face_frame(points, *config.eyes)
        left, right = (points[:, eye].mean(1) for eye in config.eyes)
        middle = (left + right) / 2
        shapes = [share[:, config.regions.index(name)].cpu().numpy() for name in config.shapes]
        geometry = np.concatenate([frame.reshape(len(frame), -1), extents(shapes, unit, middle[:, 0]), pose / 45], 1)
        return Seen(
            share.argmax(1).byte().cpu().numpy(),
            points,
            pose,
            geometry.astype(np.float32),
            middle[:, 1].astype(np.float32),
        )

    def measure(self, pictures: Pictures, batch: int = 16) -> dict[str, Floats]:
        """The judged value of every attribute of `stylegan.attributes.CONDITIONS`, each [B] in its own unit.

        Args:
            pictures: uint8 [B, H, W, 3].
            batch: pictures that are looked at together.

        Raises:
            ValueError: the array is no batch of pictures.
        """
        parts = [self._measure(part, self.look(tensor)) for part, tensor in self.batches(pictures, batch)]
        if not parts:
            return {name: np.zeros(0, np.float32) for name in CONDITIONS}
        return {name: np.concatenate([part[name] for part in parts]) for name in CONDITIONS}

    def _measure(self, pictures: Pictures, seen: Seen) -> dict[str, Floats]:
        with torch.inference_mode():
            read = self.calibration(torch.from_numpy(seen.geometry).to(self.device)).cpu().numpy()
        hair = seen.regions == self.config.regions.index("hair")
        background = seen.regions == self.config.regions.index("background")
        light = luminance(pictures)
        mean, deviation = statistics(light, background)
        values = dict(zip(READ, read.T, strict=True)) | {
            "pose": seen.pose[:, 0],
            "pitch": seen.pose[:, 1],
            "hair_color": statistics(light, hair)[0],
            "hair_length": hair_length(hair, seen.eye_row),
            "background_mean": mean,
            "background_std": deviation,
        }
        return {
            name: np.clip(np.nan_to_num(value), ATTRIBUTES[name].low, ATTRIBUTES[name].high).astype(np.float32)
            for name, value in values.items()
        }

    def see(self, pictures: Pictures, batch: int = 16) -> list[Seen]:
        """What is found in pictures, batch by batch."""
        return [self.look(tensor) for _, tensor in self.batches(pictures, batch)]

    @torch.inference_mode()
    def features(self, pictures: Pictures, batch: int = 16) -> NDArray[np.float64]:
        """The encoder's view of each picture, [B, D]: for Fréchet and kernel distances. These are not Inception features."""
        rows = []
        for _, tensor in self.batches(pictures, batch):
            with torch.autocast(tensor.device.type, torch.bfloat16):
                rows.append(self.unet.pooled(tensor).float().cpu().numpy())
        return np.concatenate(rows).astype(np.float64)


def pose_scale() -> Floats:
    """Degrees of yaw and pitch that the regressor's 1 stands for."""
    return np.array([ATTRIBUTES["pose"].high, ATTRIBUTES["pitch"].high], np.float32)


def save_judge(judge: Judge, folder: Path) -> None:
    """Writes the judge's part of ``config.json`` and a safetensors file for each network."""
    for name, network in judge.networks.items():
        save_module(network, folder / f"{name}.safetensors")
    save_config(folder, "judge", asdict(judge.config))


def load_judge(folder: str | Path = "bundled", device: str = "cpu") -> Judge:
    """Loads a judge for use.

    Args:
        folder: what `save_judge` wrote, or ``bundled``.

    Raises:
        BadWeights: something is missing, damaged or does not fit.
    """
    path = folder_named(folder, "judge")
    judge = build(path, "judge", JudgeConfig, lambda config: Judge(config, device), "face judge")
    for name, network in judge.networks.items():
        load_module(network, path / f"{name}.safetensors")
    return judge
