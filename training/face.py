"""Trains the face generator.

    python -m stylegan draw --count 20000 --out portraits
    python -m training.face portraits --out runs/face --preset cpu

Pictures whose labels hold a latent teach the generator directly (a pyramid of absolute differences, with edges), and the
discriminator sharpens the last part of the run. Pictures without latents (a folder of one's own, with a labels file) train it
adversarially from the start, with adaptive augmentation. Everything the run needs to go on stands in ``--out``: the
same command resumes after Ctrl-C or a kill and continues the same curve.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import math
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylegan.attributes import CONDITIONS
from stylegan.errors import StyleganError
from training.command_line import command_line
from training.errors import TrainingError
from training.face_run import falling, fast_bf16, run
from training.memory import keep_large_blocks

if TYPE_CHECKING:
    import numpy as np
    import torch

    from stylegan.generator import GeneratorConfig
    from training.face_data import FaceFolder


@dataclass(frozen=True)
class Preset:
    """How a generator is trained.

    Attributes:
        stages: (resolution, batch, share of the budget at which it ends), in rising order.
        pictures: the budget, counted in pictures shown.
        rate, d_rate: Adam's learning rates of generator and discriminator; they fall along a half cosine over the budget's last 40 %.
        adversarial_from: share of the budget after which the discriminator takes part, for pictures with latents.
        adversarial: weight of the adversarial loss beside the paired one; 0 leaves the discriminator out.
        features: weight of feature matching beside it.
        gamma: R1's weight.
        path_length: weight of path-length regularisation; 0 leaves it out.
        width: the discriminator's channels as a share of the generator's.
        focus: share of each batch that comes from the ``--focus`` folder, if one is given.
        focus_from: share of the budget after which it does.
    """

    stages: tuple[tuple[int, int, float], ...]
    pictures: int
    rate: float = 0.0025
    d_rate: float = 0.0025
    adversarial_from: float = 0.7
    adversarial: float = 0.02
    features: float = 0.5
    gamma: float = 4.0
    path_length: float = 0.0
    width: float = 0.5
    focus: float = 0.25
    focus_from: float = 0.2


PRESETS = {
    "tiny": Preset(stages=((16, 8, 0.5), (32, 8, 1.0)), pictures=256),
    # Two cores, an hour and a half: coarse pictures first, drawn pairs only (a small batch at a high rate learns most).
    "cpu": Preset(stages=((64, 16, 0.3), (128, 8, 0.65), (256, 8, 1.0)), pictures=100_000, rate=0.015, adversarial=0.0),
    "gpu": Preset(stages=((256, 64, 1.0),), pictures=3_000_000, width=1.0),
}
HELD_OUT = 0.02
R1_EVERY, PATH_EVERY = 16, 8
EMA_PICTURES = 5_000  # half-life of the averaged weights
KEEP_MINUTES = 5.0


@dataclass
class Batch:
    """One batch on the device: pictures [B, 3, R, R], weights [B, 1, R, R], attributes [B, 10], latents [B, D]."""

    pictures: torch.Tensor
    weight: torch.Tensor
    attributes: torch.Tensor
    latents: torch.Tensor


class Trainer:
    """The state of a run: networks, optimizers, averages, and how far it is."""

    def __init__(
        self, out: Path, faces: FaceFolder, config: GeneratorConfig, preset: Preset, device: str, seed: int
    ) -> None:
        import torch

        from stylegan.discriminator import Discriminator
        from stylegan.generator import Generator
        from training.augment import AdaptiveAugment
        from training.face_losses import PathLength

        self.out, self.faces, self.preset, self.device, self.seed = out, faces, preset, device, seed
        self.paired = faces.latents is not None
        torch.manual_seed(seed)
        self.generator = Generator(config).to(device)
        self.averaged = copy.deepcopy(self.generator).eval().requires_grad_(False)
        self.discriminator = Discriminator(config, preset.width).to(device)
        betas = (0.9, 0.99) if self.paired else (0.0, 0.99)
        self.g_optimizer = torch.optim.Adam(self.generator.parameters(), lr=preset.rate, betas=betas, fused=True)
        self.d_optimizer = torch.optim.Adam(
            self.discriminator.parameters(), lr=preset.d_rate, betas=(0.0, 0.99), fused=True
        )
        self.augment, self.path = AdaptiveAugment(), PathLength()
        self.focus: FaceFolder | None = None
        self.step, self.seen, self.seconds = 0, 0, 0.0
        self.losses: dict[str, list[float]] = {}  # since the curve's last row
        held = max(1, min(256, int(len(faces) * HELD_OUT)))
        self.training, self.held = len(faces) - held, held
        if self.training < 1:
            raise TrainingError(f"{len(faces)} picture is too few to train on and to hold one out")
        self.bf16 = device != "cpu" or fast_bf16()
        self.synthesize = self.generator.synthesis_network

    @property
    def budget(self) -> int:
        return self.preset.pictures

    @property
    def dtype(self) -> torch.dtype:
        import torch

        return torch.bfloat16 if self.bf16 else torch.float32

    # -- saving -------------------------------------------------------------------------------------------------------

    def save(self) -> None:
        import torch

        from stylegan.generator import save_generator

        state = {
            "config": asdict(self.generator.config),
            "generator": self.generator.state_dict(),
            "averaged": self.averaged.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "g_optimizer": self.g_optimizer.state_dict(),
            "d_optimizer": self.d_optimizer.state_dict(),
            "augment": self.augment.probability,
            "signs": self.augment.signs,
            "losses": self.losses,
            "path": self.path.mean,
            "step": self.step,
            "seen": self.seen,
            "seconds": self.seconds,
        }
        partial = self.out / "checkpoint.pt.partial"
        torch.save(state, partial)
        partial.replace(self.out / "checkpoint.pt")
        save_generator(self.averaged, self.out / "generator")

    def resume(self) -> None:
        """Goes on from the checkpoint in the output folder, if there is one."""
        import torch

        path = self.out / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        if type(self.generator.config)(**state["config"]) != self.generator.config:
            raise TrainingError(f"{path} belongs to a generator of another shape; name another --out, or remove it")
        self.generator.load_state_dict(state["generator"])
        self.averaged.load_state_dict(state["averaged"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.g_optimizer.load_state_dict(state["g_optimizer"])
        self.d_optimizer.load_state_dict(state["d_optimizer"])
        self.augment.probability, self.path.mean = state["augment"], state["path"]
        self.augment.signs, self.losses = state.get("signs", []), state.get("losses", {})
        self.step, self.seen, self.seconds = state["step"], state["seen"], state["seconds"]
        print(f"resuming at step {self.step}, {self.seen:,} pictures, {self.seconds / 60:.0f} minutes")

    # -- data ---------------------------------------------------------------------------------------------------------

    def batch(self, indices: np.ndarray, resolution: int, faces: FaceFolder | None = None) -> Batch:
        """Pictures ``indices`` of ``faces`` (default: the training folder), scaled down to ``resolution``."""
        import numpy as np
        import torch

        from stylegan.generator import from_pixels

        faces = faces or self.faces

        def halved(x: torch.Tensor) -> torch.Tensor:
            factor = x.shape[-1] // resolution
            return torch.nn.functional.avg_pool2d(x, factor) if factor > 1 else x

        pictures = halved(from_pixels(torch.from_numpy(np.array(faces.pictures[indices]))).to(self.device))
        weight = torch.ones_like(pictures[:, :1])
        if faces.importance is not None:
            quarters = torch.from_numpy(np.array(faces.importance[indices])).float()[:, None].to(self.device)
            weight = halved(quarters / 4)
        attributes = torch.from_numpy(faces.attributes[indices]).to(self.device)
        if faces.latents is not None:
            latents = torch.from_numpy(faces.latents[indices]).to(self.device)
        else:
            latents = torch.randn(len(indices), self.generator.config.latent_dim, device=self.device)
        return Batch(pictures, weight, attributes, latents)

    def _mixed_batch(self, rng: np.random.Generator, count: int, resolution: int, progress: float) -> Batch:
        """Random training pictures, a share of them of the focus where it has begun."""
        import numpy as np
        import torch

        focused = 0
        if self.focus is not None and progress >= self.preset.focus_from:
            focused = min(count - 1, int(count * self.preset.focus + rng.random()))
        chosen = rng.choice(self.training, count - focused, replace=count > self.training)
        batch = self.batch(np.sort(chosen), resolution)
        if not focused or self.focus is None:
            return batch
        other = self.batch(np.sort(rng.choice(len(self.focus), focused)), resolution, self.focus)
        pairs = zip(vars(batch).values(), vars(other).values(), strict=True)
        return Batch(*(torch.cat([a, b]) for a, b in pairs))

    def stage(self, progress: float) -> tuple[int, int]:
        """Resolution and batch at ``progress`` 0…1 of the budget."""
        for resolution, batch, until in self.preset.stages:
            if progress < until:
                return resolution, batch
        return self.preset.stages[-1][:2]

    # -- one step -----------------------------------------------------------------------------------------------------

    def train_step(self, progress: float) -> dict[str, float]:
        """One update of all networks; the random state depends on seed and step alone."""
        import numpy as np
        import torch

        resolution, count = self.stage(progress)
        torch.manual_seed(self.seed * 1_000_003 + self.step)
        rng = np.random.default_rng((self.seed, self.step))
        batch = self._mixed_batch(rng, count, resolution, progress)
        factor = min(1.0, (self.step + 1) / 50) * falling(progress)
        for optimizer, rate in ((self.g_optimizer, self.preset.rate), (self.d_optimizer, self.preset.d_rate)):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
        adversarial = not self.paired or (self.preset.adversarial > 0 and progress >= self.preset.adversarial_from)
        losses = self._generator_step(batch, resolution, adversarial)
        if adversarial:
            losses |= self._discriminator_step(batch, self._made)
        self._average(count)
        self.step, self.seen = self.step + 1, self.seen + count
        return losses

    def _generator_step(self, batch: Batch, resolution: int, adversarial: bool) -> dict[str, float]:
        import torch

        from training.face_losses import feature_loss, generator_loss, pyramid_loss

        w = self.generator.condition(self.generator.mapping(batch.latents), batch.attributes)
        with torch.no_grad():
            self.generator.w_avg.lerp_(self.generator.mapping(batch.latents).mean(0), 0.005)
        made = self.synthesize(w, self.dtype, resolution)
        losses = {}
        total = made.new_zeros(())
        if self.paired:
            losses["paired"] = pyramid_loss(made, batch.pictures, batch.weight)
            total = total + losses["paired"]
        if adversarial:
            logits, features = self.discriminator(self.augment(made), batch.attributes, self.dtype)
            losses["generator"] = generator_loss(logits)
            total = total + losses["generator"] * (self.preset.adversarial if self.paired else 1.0)
            if self.paired:
                with torch.no_grad():
                    _, wanted = self.discriminator(batch.pictures, batch.attributes, self.dtype)
                losses["features"] = feature_loss(features, wanted)
                total = total + losses["features"] * self.preset.features
            if self.preset.path_length and self.step % PATH_EVERY == 0:
                total = total + self.path(made, w) * (self.preset.path_length * PATH_EVERY)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.generator.parameters(), 5.0)
        self.g_optimizer.step()
        self.g_optimizer.zero_grad(set_to_none=True)
        self.d_optimizer.zero_grad(set_to_none=True)
        self._made = made.detach()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _discriminator_step(self, batch: Batch, made: torch.Tensor) -> dict[str, float]:
        from training.face_losses import discriminator_loss, r1_penalty

        regularize = self.step % R1_EVERY == 0
        pictures = batch.pictures.clone().requires_grad_(regularize)
        real, _ = self.discriminator(self.augment(pictures), batch.attributes, self.dtype)
        fake, _ = self.discriminator(self.augment(made), batch.attributes, self.dtype)
        loss = discriminator_loss(real, fake)
        if regularize:
            loss = loss + r1_penalty(real, pictures) * (self.preset.gamma / 2 * R1_EVERY)
        loss.backward()
        self.d_optimizer.step()
        self.d_optimizer.zero_grad(set_to_none=True)
        if not self.paired:
            self.augment.update(real)
        return {"discriminator": float(loss.detach())}

    def _average(self, count: int) -> None:
        import torch

        decay = 0.5 ** (count / max(1.0, min(EMA_PICTURES, self.seen * 0.1)))
        with torch.no_grad():
            for mean, now in zip(self.averaged.parameters(), self.generator.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)
            self.averaged.w_avg.copy_(self.generator.w_avg)

    # -- looking ------------------------------------------------------------------------------------------------------

    def held_out(self, resolution: int, count: int = 64) -> float:
        """Mean absolute difference (0…255) of the averaged generator on held-out pictures; NaN without latents."""
        import numpy as np
        import torch

        if not self.paired:
            return math.nan
        indices = self.training + np.arange(min(self.held, count))
        total = 0.0
        with torch.no_grad():
            for part in np.array_split(indices, max(1, len(indices) // 16)):
                batch = self.batch(part, resolution)
                made = self._shown(batch, resolution)
                total += float((made - batch.pictures).abs().mean()) * len(part)
        return total / len(indices) * 127.5

    def _shown(self, batch: Batch, resolution: int) -> torch.Tensor:
        w = self.averaged.condition(self.averaged.mapping(batch.latents), batch.attributes)
        images: torch.Tensor = self.averaged.synthesis_network(w, self.dtype, resolution)
        return images.clamp(-1, 1)

    def sheet(self, path: Path, resolution: int, count: int = 16) -> None:
        """Held-out pictures (upper rows) and what the averaged generator makes of their latents (rows below)."""
        import numpy as np
        import torch
        from PIL import Image

        from stylegan.generator import to_pixels

        batch = self.batch(self.training + np.arange(min(self.held, count)), resolution)
        with torch.no_grad():
            made = self._shown(batch, resolution)
        rows = []
        for first in range(0, len(made), 8):
            for images in (batch.pictures, made) if self.paired else (made,):
                tiles = list(to_pixels(images[first : first + 8]).cpu().numpy())
                tiles += [np.zeros_like(tiles[0])] * (8 - len(tiles))
                rows.append(np.concatenate(tiles, 1))
        Image.fromarray(np.concatenate(rows)).save(path)


def write_report(trainer: Trainer, folder: Path, command: str) -> dict[str, Any]:
    import torch

    resolution = trainer.preset.stages[-1][0]
    report = {
        "command": command,
        "data": folder.name,
        "pictures_in_folder": len(trainer.faces),
        "paired": trainer.paired,
        "preset": asdict(trainer.preset),
        "steps": trainer.step,
        "pictures": trainer.seen,
        "minutes": round(trainer.seconds / 60),
        "device": trainer.device if trainer.device != "cpu" else f"CPU, {torch.get_num_threads()} threads",
        "seed": trainer.seed,
        "held_out_difference": round(trainer.held_out(resolution, 256), 3) if trainer.paired else None,
    }
    (trainer.out / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    trainer.sheet(trainer.out / "sheet.png", resolution)
    return report


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.face", description="Trains the face generator.")
    parser.add_argument("data", type=Path, metavar="FOLDER", help="pictures with labels.jsonl or labels.csv")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="checkpoint, curve, sheets, generator"
    )
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--pictures", type=int, help="the budget in pictures shown (default: the preset's)")
    parser.add_argument("--minutes", type=float, default=0.0, help="end after this much work over all runs")
    parser.add_argument("--batch", type=int, help="pictures in a batch, at every resolution")
    parser.add_argument("--adversarial", type=float, help="weight of the adversarial loss; 0: none")
    parser.add_argument("--adversarial-from", type=float, metavar="SHARE", help="share of the budget it starts at")
    parser.add_argument("--path-length", type=float, help="weight of path-length regularisation (default: 0)")
    parser.add_argument("--focus", type=Path, metavar="FOLDER", help="pictures of faces that matter more than others")
    parser.add_argument("--focus-share", type=float, metavar="SHARE", help="of each batch (default: 0.25)")
    parser.add_argument("--rate", type=float, help="the generator's learning rate")
    parser.add_argument(
        "--stages", metavar="SIZE:BATCH:SHARE,…", help="resolutions, batches and the share of the budget each ends at"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="", help="cpu or cuda (default: cuda where there is one)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    parser.add_argument(
        "--stage",
        choices=("all", "attributes"),
        default="all",
        help="attributes: only the attribute network of --generator",
    )
    parser.add_argument(
        "--generator", type=Path, metavar="FOLDER", help="the generator that --stage attributes teaches"
    )
    parser.add_argument("--labeller-pictures", type=int, help="the labeller's budget in --stage attributes")
    parser.add_argument("--compile", action="store_true", help="compile the synthesis network (needs a C++ compiler)")
    parser.add_argument("--checkpoint-minutes", type=float, default=KEEP_MINUTES)
    parser.add_argument("--every", type=int, default=100, metavar="STEPS", help="curve and sheet")
    return parser


def parse_stages(text: str) -> tuple[tuple[int, int, float], ...]:
    """``64:8:0.2,256:8:1`` → ((64, 8, 0.2), (256, 8, 1.0))."""
    try:
        stages = tuple(
            (int(size), int(batch), float(until))
            for size, batch, until in (part.split(":") for part in text.split(","))
        )
    except ValueError:
        raise TrainingError(f"--stages {text} is not of the form 64:8:0.2,256:8:1") from None
    rising = all(a[0] < b[0] and a[2] < b[2] for a, b in itertools.pairwise(stages))
    if not rising or any(size & (size - 1) or size < 8 or batch < 1 for size, batch, _ in stages):
        raise TrainingError(f"--stages {text}: sizes must be rising powers of two from 8, with rising shares")
    return stages


def preset_of(options: argparse.Namespace) -> Preset:
    """The named preset with what the options change."""
    changes: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("pictures", "adversarial", "adversarial_from", "path_length", "rate")
        if getattr(options, name) is not None
    }
    if options.focus_share is not None:
        changes["focus"] = options.focus_share
    preset = PRESETS[options.preset]
    if options.stages:
        changes["stages"] = parse_stages(options.stages)
    elif options.batch:
        changes["stages"] = tuple((resolution, options.batch, until) for resolution, _, until in preset.stages)
    if changes.get("pictures", 1) < 1 or (options.batch is not None and options.batch < 1):
        raise TrainingError("--pictures and --batch must be 1 or more")
    return replace(preset, **changes)


def config_for(folder: Path, faces: FaceFolder, resolution: int) -> GeneratorConfig:
    """The generator for a folder: it reads a latent as what it stands for where ``python -m stylegan draw`` drew it."""
    from stylegan.generator import GeneratorConfig

    config = GeneratorConfig(resolution=resolution, attributes=CONDITIONS)
    if faces.latents is None:
        return config
    config = replace(config, latent_dim=faces.latents.shape[1])
    if not (folder / "portraits.json").exists():
        return config
    from stylegan.portrait.layout import LAYOUT_DIM

    return replace(config, layout="portrait", w_dim=config.w_dim + LAYOUT_DIM)


def train_all(options: argparse.Namespace, device: str, command: str) -> dict[str, Any]:
    """Trains all networks; returns the report."""
    import torch

    from training.face_data import load_faces

    if options.generator or options.labeller_pictures:
        raise TrainingError("--generator and --labeller-pictures belong to --stage attributes")
    preset = preset_of(options)
    options.out.mkdir(parents=True, exist_ok=True)
    resolution = preset.stages[-1][0]
    faces = load_faces(options.data, options.out / "pictures", resolution)
    trainer = Trainer(options.out, faces, config_for(options.data, faces, resolution), preset, device, options.seed)
    if options.focus is not None:
        trainer.focus = load_faces(options.focus, options.out / "focus", resolution)
        if not trainer.paired or trainer.focus.latents is None:
            raise TrainingError("--focus needs latents in the labels of both folders")
    trainer.resume()
    if options.compile:
        trainer.synthesize = torch.compile(trainer.synthesize, dynamic=False)
    run(trainer, options.minutes, options.checkpoint_minutes, options.every)
    return write_report(trainer, options.data, command)


def train_attributes(options: argparse.Namespace, device: str, command: str) -> dict[str, Any]:
    """Trains the attribute network of ``--generator`` alone; returns the report."""
    from training.face_attributes import RECIPES, run_stage

    if options.generator is None:
        raise TrainingError("--stage attributes needs --generator, a folder of training.face or of stylegan import")
    if options.stages:
        raise TrainingError("--stages does not go with --stage attributes: the generator has its resolution")
    given = ("pictures", "labeller_pictures", "batch", "rate")
    changes = {name: getattr(options, name) for name in given if getattr(options, name) is not None}
    if any(value <= 0 for value in changes.values()):
        raise TrainingError("--pictures, --labeller-pictures, --batch and --rate must be above 0")
    recipe = replace(RECIPES[options.preset], **changes)
    every, minutes = options.every, options.minutes
    return run_stage(
        options.data, options.generator, options.out, recipe, device, options.seed, options.checkpoint_minutes, every,
        minutes, command,
    )  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    try:
        import torch

        device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
        if options.threads:
            torch.set_num_threads(options.threads)
        if device == "cpu":
            keep_large_blocks()
        command = command_line("training.face", argv)
        train = train_attributes if options.stage == "attributes" else train_all
        print(json.dumps(train(options, device, command), indent=2))
    except (TrainingError, StyleganError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped at once; the last checkpoint stays", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"error: {error.filename or options.out}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
