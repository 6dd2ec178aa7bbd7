"""Trains the judge of faces, the filters and the recognizer on drawn portraits.

    python -m stylegan draw --count 4000 --seed 2 --out runs/portraits-judge
    python -m training.face_judge runs/portraits-judge

Four small networks are trained, one after the other: regions and landmarks (a U-Net), yaw and pitch, gender and quality, and
the identity's latent. A calibrated map from geometry to attributes is fitted on what the first two find. Give portraits of
another seed than the generator's, so that no identity is judged by a network that saw it. Ctrl-C stops; the same command
goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stylegan.attributes import ATTRIBUTES
from stylegan.errors import StyleganError
from training.command_line import command_line
from training.errors import TrainingError
from training.judge_report import card, filtered, judged, recognized, show
from training.portraits import Portraits, load_portraits, mirrored_names

if TYPE_CHECKING:
    import torch

    from stylegan.filters import Filters
    from stylegan.judge import Judge
    from stylegan.recognition import Recognizer

BUNDLED = Path(__file__).parent.parent / "stylegan" / "bundled" / "judge"
HELD_OUT = 0.1
SPOILT = 2000  # portraits that the filters learn from, each with one degraded copy
CHECKPOINT = 100  # steps


@dataclass
class Recipe:
    """How the networks are trained.

    Attributes:
        steps: of each network.
        batch: pictures in a step.
        learning_rate: at its highest; it rises for a tenth of the steps and then falls along a cosine.
        seed: of weights, order and augmentation.
        run: folder of the checkpoints.
        widths: channels of the networks, or None for their defaults.
    """

    steps: dict[str, int] = field(
        default_factory=lambda: {"regions": 3600, "pose": 1800, "filters": 1400, "recognizer": 2400}
    )
    batch: dict[str, int] = field(default_factory=lambda: {"regions": 4, "pose": 16, "filters": 16, "recognizer": 16})
    learning_rate: float = 2e-3
    seed: int = 0
    run: Path = Path("runs/face-judge")
    widths: tuple[int, ...] | None = None
    minutes: dict[str, float] = field(default_factory=dict)
    curve: dict[str, list[tuple[int, float]]] = field(default_factory=dict)


def fit(
    name: str,
    network: torch.nn.Module,
    loss: Callable[[np.random.Generator, int], torch.Tensor],
    recipe: Recipe,
) -> None:
    """Minimises ``loss(rng, batch)``; goes on from the checkpoint in the run's folder if there is one."""
    import torch
    from tqdm import tqdm

    steps, batch = recipe.steps[name], recipe.batch[name]
    network.to(memory_format=torch.channels_last).train().requires_grad_(True)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=0.01)
    path = recipe.run / f"{name}.pt"
    start, curve, spent = 0, [], 0.0
    if path.is_file():
        state = torch.load(path, weights_only=True)
        if state["steps"] != steps:
            raise TrainingError(f"{path} is of a run with {state['steps']} steps; name another --run or delete it")
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        start, curve, spent = state["step"], [tuple(point) for point in state["curve"]], state["seconds"]
    began = time.perf_counter() - spent

    def save(step: int) -> None:
        recipe.run.mkdir(parents=True, exist_ok=True)
        state = {
            "steps": steps, "step": step, "network": network.state_dict(), "optimizer": optimizer.state_dict(),
            "curve": curve, "seconds": time.perf_counter() - began,
        }  # fmt: skip
        torch.save(state, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)

    mean = 0.0
    bar = tqdm(range(start, steps), desc=name, initial=start, total=steps, unit="step")
    for step in bar:
        warm = max(1, steps // 10)
        share = (step + 1) / warm if step < warm else 0.5 + 0.5 * math.cos(math.pi * (step - warm) / (steps - warm))
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * share
        torch.manual_seed(recipe.seed * 1_000_003 + step)
        value = loss(np.random.default_rng([recipe.seed, step]), batch)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        mean = float(value.detach()) if step == start else 0.98 * mean + 0.02 * float(value.detach())
        if (step + 1) % CHECKPOINT == 0 or step + 1 == steps:
            curve.append((step + 1, round(mean, 4)))
            save(step + 1)
            bar.set_postfix(loss=f"{mean:.4f}")
    network.eval().requires_grad_(False)
    recipe.curve[name] = curve
    recipe.minutes[name] = round((time.perf_counter() - began) / 60, 1)


def soften(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Makes some batches softer, noisier or tinted, as a generator's pictures may be: float [B, 3, H, W] of −1…1."""
    import torch
    from torch.nn import functional

    side = pictures.shape[-1]
    if rng.random() < 0.4:
        small = int(side * rng.uniform(0.45, 0.95))
        less = functional.interpolate(
            pictures, size=(small, small), mode="bilinear", antialias=True, align_corners=False
        )
        pictures = functional.interpolate(less, size=(side, side), mode="bilinear", align_corners=False)
    if rng.random() < 0.3:
        pictures = pictures + torch.randn_like(pictures) * float(rng.uniform(0.01, 0.06))
    if rng.random() < 0.5:
        gain = torch.from_numpy(rng.uniform(0.92, 1.08, (len(pictures), 3, 1, 1)).astype(np.float32))
        pictures = ((pictures + 1) * gain - 1).clamp(-1, 1)
    return pictures.contiguous(memory_format=torch.channels_last)


def pictures_of(portraits: Portraits, at: NDArray[np.int64], resolution: int, flip: NDArray[np.bool_]) -> torch.Tensor:
    """Some portraits as a network takes them, mirrored where ``flip`` says so."""
    from stylegan.vision import to_tensor

    images = portraits.images[at]
    images[flip] = images[flip, :, ::-1]
    return to_tensor(images, resolution)


def train_regions(judge: Judge, portraits: Portraits, recipe: Recipe) -> None:
    """The U-Net: cross entropy of regions, and of heat maps against a Gaussian around each landmark."""
    import torch
    from torch.nn import functional

    from stylegan.vision import PATCH, patches

    side = judge.config.resolution
    mirror = mirrored_names(portraits.names)
    classes = len(judge.config.regions)
    counts = np.bincount(portraits.segments[:200].ravel(), minlength=classes).clip(1)
    weights = torch.from_numpy(((counts.max() / counts) ** 0.33).astype(np.float32))

    def loss(rng: np.random.Generator, batch: int) -> torch.Tensor:
        at, flip = rng.integers(0, len(portraits), batch), rng.random(batch) < 0.5
        pictures = soften(pictures_of(portraits, at, side, flip), rng)
        segments, points = portraits.segments[at], portraits.landmarks[at]
        segments[flip] = segments[flip, :, ::-1]
        points[flip] = points[flip][:, mirror] * [-1, 1] + [side, 0]
        with torch.autocast("cpu", torch.bfloat16):
            logits, heat = judge.unet(pictures.bfloat16())
        some = rng.choice(PATCH**2, 4, replace=False)  # of each patch's pixels: neighbours say much the same
        asked = patches(torch.from_numpy(segments))[:, some].long()
        regions = functional.cross_entropy(logits[:, :, some].float(), asked, weights)
        return regions + 0.2 * heat_loss(heat, torch.from_numpy(points.astype(np.float32)), side)

    fit("regions", judge.unet, loss, recipe)


def heat_loss(heat: torch.Tensor, points: torch.Tensor, side: int) -> torch.Tensor:
    """Cross entropy of heat maps against a Gaussian of one cell, and the distance of their means in cells.

    Landmarks beyond the picture's edge are left out.
    """
    import torch

    from stylegan.vision import heat_points

    size = heat.shape[-1]
    cell = points * (size / side) - 0.5
    grid = torch.arange(size, dtype=torch.float32)
    x = (-0.5 * (grid - cell[..., :1]) ** 2).exp()
    y = (-0.5 * (grid - cell[..., 1:]) ** 2).exp()
    target = (y[..., :, None] * x[..., None, :]).flatten(2)
    inside = ((cell > -0.5) & (cell < size - 0.5)).all(-1)
    target = target / target.sum(-1, keepdim=True).clamp_min(1e-6)
    entropy = -(target * heat.float().flatten(2).log_softmax(-1)).sum(-1)
    far = (heat_points(heat, side) - points).abs().sum(-1) * (size / side)
    return (entropy + far)[inside].mean() if inside.any() else heat.sum() * 0.0


def train_pose(judge: Judge, portraits: Portraits, recipe: Recipe) -> None:
    """The regressor of yaw and pitch."""
    import torch
    from torch.nn import functional

    from stylegan.judge import pose_scale

    angles = portraits.stack("pose", "pitch") / pose_scale()

    def loss(rng: np.random.Generator, batch: int) -> torch.Tensor:
        at, flip = rng.integers(0, len(portraits), batch), rng.random(batch) < 0.5
        pictures = soften(pictures_of(portraits, at, judge.config.resolution, flip), rng)
        asked = angles[at] * np.where(flip[:, None], [-1.0, 1.0], 1.0)
        with torch.autocast("cpu", torch.bfloat16):
            found = judge.pose(pictures)
        return functional.smooth_l1_loss(found.float(), torch.from_numpy(asked.astype(np.float32)), beta=0.1)

    fit("pose", judge.pose, loss, recipe)


def geometry_of(judge: Judge, portraits: Portraits, rng: np.random.Generator) -> NDArray[np.float32]:
    """What the judge's calibrated map reads from each portrait, some of them softened."""
    from tqdm import tqdm

    rows = []
    for start in tqdm(range(0, len(portraits), 16), desc="geometry", unit="batch"):
        at = np.arange(start, min(start + 16, len(portraits)))
        pictures = pictures_of(portraits, at, judge.config.resolution, np.zeros(len(at), bool))
        rows.append(judge.look(soften(pictures, rng)).geometry)
    return np.concatenate(rows)


def calibrate(judge: Judge, portraits: Portraits, recipe: Recipe, epochs: int = 120) -> None:
    """Fits the map from geometry to eyes, mouth, smile and brow, on clean and softened portraits."""
    import torch

    from stylegan.judge import READ

    began = time.perf_counter()
    geometry = torch.from_numpy(geometry_of(judge, portraits, np.random.default_rng([recipe.seed, 1])))
    asked = torch.from_numpy(portraits.stack(*READ))
    network = judge.calibration.train().requires_grad_(True)
    network.mean.copy_(geometry.mean(0))
    network.scale.copy_(geometry.std(0).clamp_min(1e-4))
    span = torch.tensor([ATTRIBUTES[name].high - ATTRIBUTES[name].low for name in READ])
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    generator = torch.Generator().manual_seed(recipe.seed)
    for _ in range(epochs):
        for at in torch.split(torch.randperm(len(geometry), generator=generator), 256):
            optimizer.zero_grad()
            (((network(geometry[at]) - asked[at]) / span) ** 2).mean().backward()
            optimizer.step()
        schedule.step()
    network.eval().requires_grad_(False)
    recipe.minutes["calibration"] = round((time.perf_counter() - began) / 60, 1)


def spoil(portraits: Portraits, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A degraded copy of every portrait, and its quality."""
    from tqdm import tqdm

    from stylegan.portrait import degrade

    made = [
        degrade(image, np.random.default_rng([seed, number]))
        for number, image in enumerate(tqdm(portraits.images, desc="degrading", unit="portrait"))
    ]
    return np.stack([image for image, _ in made]), np.array([quality for _, quality in made], np.float32)


def train_filters(
    filters: Filters, portraits: Portraits, spoilt: tuple[NDArray[np.uint8], NDArray[np.float32]], recipe: Recipe
) -> None:
    """Gender and quality, on clean portraits and degraded copies, half and half."""
    import torch
    from torch.nn import functional

    from stylegan.vision import to_tensor

    gender = portraits.attributes["gender"]

    def loss(rng: np.random.Generator, batch: int) -> torch.Tensor:
        at, bad = rng.integers(0, len(portraits), batch), np.arange(batch) % 2 == 1
        images = np.where(bad[:, None, None, None], spoilt[0][at], portraits.images[at])
        quality = np.where(bad, spoilt[1][at], 1.0).astype(np.float32)
        flip = rng.random(batch) < 0.5
        images[flip] = images[flip, :, ::-1]
        with torch.autocast("cpu", torch.bfloat16):
            found = filters.network(to_tensor(images, filters.config.resolution))
        found = found.float()
        told = functional.binary_cross_entropy_with_logits(found[:, 0], torch.from_numpy(gender[at]))
        return told + 2 * functional.smooth_l1_loss(found[:, 1], torch.from_numpy(quality), beta=0.1)

    fit("filters", filters.network, loss, recipe)


def train_recognizer(recognizer: Recognizer, portraits: Portraits, recipe: Recipe) -> None:
    """The latent of the identity, by squared error: what cannot be seen is left at its mean."""
    import torch
    from torch.nn import functional

    scale = math.sqrt(portraits.latents.shape[1])
    latents = portraits.latents * (scale / np.linalg.norm(portraits.latents, axis=1, keepdims=True))

    def loss(rng: np.random.Generator, batch: int) -> torch.Tensor:
        at = rng.integers(0, len(portraits), batch)
        pictures = soften(pictures_of(portraits, at, recognizer.config.resolution, np.zeros(batch, bool)), rng)
        with torch.autocast("cpu", torch.bfloat16):
            found = recognizer.network(pictures)
        return functional.mse_loss(found.float(), torch.from_numpy(latents[at]))

    fit("recognizer", recognizer.network, loss, recipe)


def pupils(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The landmarks that say where the eyes are: they do not move with the lids.

    Raises:
        TrainingError: the labels name none.
    """
    wanted = ("left_eye_pupil", "right_eye_pupil")
    if not set(wanted) <= set(names):
        raise TrainingError(
            f"the labels name no {' and '.join(wanted)}, only {', '.join(names)}; draw the portraits anew"
        )
    return wanted[:1], wanted[1:]


def train(portraits: Portraits, recipe: Recipe, out: Path) -> dict[str, Any]:
    """Trains all networks, stores each in ``out`` as soon as it is done, and measures them on the last tenth.

    Returns:
        The report that the model card is made from.
    """
    import torch

    from stylegan.filters import FilterConfig, Filters, save_filters
    from stylegan.judge import Judge, JudgeConfig, save_judge
    from stylegan.portrait import SEGMENTS
    from stylegan.recognition import Recognizer, RecognizerConfig, save_recognizer

    held = max(8, round(HELD_OUT * len(portraits)))
    known, unseen = portraits.part(0, len(portraits) - held), portraits.part(len(portraits) - held, len(portraits))
    torch.manual_seed(recipe.seed)
    left, right = pupils(portraits.names)
    side = portraits.images.shape[1]
    shape = JudgeConfig(SEGMENTS, portraits.names, left, right, resolution=side)
    if recipe.widths:
        shape = replace(shape, widths=recipe.widths, pose_widths=recipe.widths)
    judge = Judge(shape)
    filters = Filters(FilterConfig(resolution=side, widths=shape.pose_widths))
    recognizer = Recognizer(
        RecognizerConfig(portraits.latents.shape[1], side, recipe.widths or RecognizerConfig.widths)
    )
    train_regions(judge, known, recipe)
    train_pose(judge, known, recipe)
    calibrate(judge, known, recipe)
    save_judge(judge, out)
    some = known.part(0, SPOILT)
    train_filters(filters, some, spoil(some, recipe.seed), recipe)
    save_filters(filters, out)
    train_recognizer(recognizer, known, recipe)
    save_recognizer(recognizer, out)
    networks = [*judge.networks.values(), filters.network, recognizer.network]
    return {
        "portraits": len(portraits), "portraits seed": portraits.seed, "held out": held, "seed": recipe.seed, "minutes": recipe.minutes,
        "parameters": sum(p.numel() for network in networks for p in network.parameters()),
        "device": f"CPU, {torch.get_num_threads()} thread(s), bf16",
        "judge": judged(judge, unseen),
        "filters": filtered(filters, unseen, spoil(unseen, recipe.seed + 1)),
        "recognizer": recognized(recognizer, recipe.seed, min(200, 2 * held)),
        "curve": recipe.curve,
    }  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.face_judge", description=__doc__.split("\n")[0])
    parser.add_argument("portraits", type=Path, metavar="FOLDER", help="what python -m stylegan draw wrote")
    parser.add_argument("--out", type=Path, default=BUNDLED, help="where the weights go (default: the bundled folder)")
    parser.add_argument("--run", type=Path, default=Path("runs/face-judge"), help="folder of the checkpoints")
    parser.add_argument("--count", type=int, default=0, help="use the first so many portraits (default: all)")
    parser.add_argument("--effort", type=float, default=1.0, help="multiplies the number of steps (default: 1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    return parser


def main(argv: list[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    try:
        import torch

        from training.memory import keep_large_blocks

        keep_large_blocks()
        if options.threads:
            torch.set_num_threads(options.threads)
        recipe = Recipe(seed=options.seed, run=options.run)
        recipe.steps = {name: max(1, round(steps * options.effort)) for name, steps in recipe.steps.items()}
        report = train(load_portraits(options.portraits, options.count), recipe, options.out)
        report["command"] = command_line("training.face_judge", argv)
        (options.out / "report.json").write_text(
            json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        (options.out / "MODEL_CARD.md").write_text(card(report), encoding="utf-8")
        show(report)
    except (TrainingError, StyleganError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ImportError as error:
        print(f"error: {error.name} is missing: pip install 'ohlora[train]'", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on from {options.run}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
