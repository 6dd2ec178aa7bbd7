"""The attribute stage: everything of a generator is frozen but its attribute network, which learns to show what is asked.

    python -m training.face portraits --stage attributes --generator runs/imported --out runs/attributes

First a labeller learns the attributes from the folder's labelled pictures (`training.face_labeller`). Then random identities
are painted with random requests, and the attribute network follows the labeller's error. What need not change is held: w
stays near where it was, and so does the calmer half of the picture at low resolution. Both parts go on after Ctrl-C.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylegan.attributes import CONDITIONS
from stylegan.generator import Generator, load_generator, save_generator, to_pixels
from training.errors import TrainingError
from training.face_data import load_faces, read_labels
from training.face_labeller import LARGEST, Labeller, LabellerTrainer, correlations, scaled, train_labeller
from training.face_run import falling, fast_bf16, run

if TYPE_CHECKING:
    from training.face_data import FaceFolder

LOW = 16  # pixels at which pictures are compared
CALM = 0.5
"""The share of a picture, that which differs least, that is held as it was."""
HELD_OUT = 256  # latents of the report


@dataclass(frozen=True)
class Recipe:
    """How the attribute network is trained.

    Attributes:
        pictures: the budget, counted in pictures shown.
        labeller_pictures: the same for the labeller.
        batch: pictures in a step.
        rate: Adam's learning rate.
        near: weight of the squared distance of w from where it was, in units of w's variance.
        calm: weight of the difference of the picture's calmer half.
    """

    pictures: int
    labeller_pictures: int
    batch: int = 8
    rate: float = 0.003
    near: float = 0.02
    calm: float = 0.2


RECIPES = {
    "tiny": Recipe(pictures=256, labeller_pictures=1024),
    "cpu": Recipe(pictures=16_000, labeller_pictures=48_000),
    "gpu": Recipe(pictures=400_000, labeller_pictures=400_000, batch=32),
}


class AttributeTrainer:
    """The state of the stage; see `training.face_run.Run`.

    Args:
        out: folder of the checkpoint.
        faces: from whose labels requests are drawn.
        generator: frozen but for its attribute network.
        stored: number format that the generator is stored in.
        labeller, trust: as `train_labeller` returns them.
    """

    def __init__(
        self,
        out: Path,
        faces: FaceFolder,
        generator: Generator,
        stored: torch.dtype,
        labeller: Labeller,
        trust: Tensor,
        recipe: Recipe,
        device: str,
        seed: int,
    ) -> None:
        assert generator.attribute_network is not None
        self.out, self.faces, self.stored, self.recipe, self.seed = out, faces, stored, recipe, seed
        self.labeller, self.trust, self.device = labeller, trust, device
        self.generator = generator.to(device).eval().requires_grad_(False)
        self.before = copy.deepcopy(generator.attribute_network)
        self.network = generator.attribute_network.requires_grad_(True)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=recipe.rate, betas=(0.9, 0.99))
        self.dtype = torch.bfloat16 if device != "cpu" or fast_bf16() else torch.float32
        self.variance = generator.mapping(self.latents(np.random.default_rng(0), 1024)).var(0).mean()
        self.step, self.seen, self.seconds = 0, 0, 0.0
        self.losses: dict[str, list[float]] = {}

    @property
    def budget(self) -> int:
        return self.recipe.pictures

    # -- saving -------------------------------------------------------------------------------------------------------

    def fingerprint(self) -> float:
        """A number that another generator would hardly have."""
        frozen = (*self.generator.synthesis_network.parameters(), *self.generator.mapping_network.parameters())
        return sum(float(tensor.double().abs().sum()) for tensor in frozen)

    def save(self) -> None:
        state = {
            "config": asdict(self.generator.config), "fingerprint": self.fingerprint(),
            "before": self.before.state_dict(), "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(), "step": self.step, "seen": self.seen, "seconds": self.seconds,
            "losses": self.losses,
        }  # fmt: skip
        partial = self.out / "attributes.pt.partial"
        torch.save(state, partial)
        partial.replace(self.out / "attributes.pt")
        save_generator(self.generator, self.out / "generator", self.stored)

    def resume(self) -> None:
        """Goes on from the checkpoint in the output folder, if there is one."""
        path = self.out / "attributes.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        same = type(self.generator.config)(**state["config"]) == self.generator.config
        same = same and abs(state["fingerprint"] / self.fingerprint() - 1) < 1e-9
        own = self.before.state_dict()
        if not same or not all(torch.equal(tensor, own[name]) for name, tensor in state["before"].items()):
            raise TrainingError(f"{path} belongs to another generator; name another --out, or remove it")
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seen, self.seconds = state["step"], state["seen"], state["seconds"]
        self.losses = state["losses"]
        print(f"resuming at step {self.step}, {self.seen:,} pictures, {self.seconds / 60:.0f} minutes")

    # -- one step -----------------------------------------------------------------------------------------------------

    def latents(self, rng: np.random.Generator, count: int) -> Tensor:
        numbers = rng.standard_normal((count, self.generator.config.latent_dim), np.float32)
        return torch.from_numpy(numbers).to(self.device)

    def requests(self, rng: np.random.Generator, count: int) -> Tensor:
        """Attributes [count, 10] to ask for: each drawn from the labels on its own; those of the background together."""
        rows = rng.integers(len(self.faces), size=(count, len(CONDITIONS)))
        mean, deviation = CONDITIONS.index("background_mean"), CONDITIONS.index("background_std")
        rows[:, deviation] = rows[:, mean]
        asked = self.faces.attributes[rows, np.arange(len(CONDITIONS))]
        return torch.from_numpy(asked).to(self.device)

    def stage(self, progress: float) -> tuple[int, int]:
        return self.generator.config.resolution, self.recipe.batch

    def paint(self, w: Tensor) -> Tensor:
        """w → pictures of −1…1."""
        images: Tensor = self.generator.synthesis_network(w, self.dtype)
        return images.clamp(-1, 1)

    def errors(self, images: Tensor, asked: Tensor) -> Tensor:
        """Mean absolute difference of the read and the asked attributes over their ranges, by trust."""
        off = (self.labeller(images) - scaled(asked)).abs() / 2
        return (off.mean(0) * self.trust).sum() / self.trust.sum().clamp_min(1e-6)

    def train_step(self, progress: float) -> dict[str, float]:
        """One update of the attribute network; what is drawn depends on seed and step alone."""
        rng = np.random.default_rng((self.seed, self.step))
        asked = self.requests(rng, self.recipe.batch)
        w = self.generator.mapping(self.latents(rng, self.recipe.batch))
        with torch.no_grad():
            was = self.before(w, asked)
            shown = self.paint(was)
        now = self.network(w, asked)
        images = self.paint(now)
        losses = {
            "attributes": self.errors(images, asked),
            "near": (now - was).square().mean() / self.variance,
            "calm": calm_difference(images, shown),
        }
        loss = losses["attributes"] + losses["near"] * self.recipe.near + losses["calm"] * self.recipe.calm
        loss.backward()  # type: ignore[no-untyped-call]
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate * min(1.0, (self.step + 1) / 20) * falling(progress)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step, self.seen = self.step + 1, self.seen + self.recipe.batch
        return {name: float(value.detach()) for name, value in losses.items()}

    # -- looking ------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def shown(self, network: nn.Module, count: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Pictures of held-out latents as ``network`` places them, and what was asked, in batches."""
        rng = np.random.default_rng((self.seed, 2**31))
        for first in range(0, count, self.recipe.batch):
            part = min(self.recipe.batch, count - first)
            asked = self.requests(rng, part)
            yield self.paint(network(self.generator.mapping(self.latents(rng, part)), asked)), asked

    def follows(self, network: nn.Module, count: int = HELD_OUT) -> dict[str, float]:
        """Correlation of each asked attribute with what the labeller reads, over held-out latents."""
        pairs = [(self.labeller(images), scaled(asked)) for images, asked in self.shown(network, count)]
        found, wanted = zip(*pairs, strict=True)
        return correlations(torch.cat(found), torch.cat(wanted))

    def held_out(self, resolution: int) -> float:
        """The labeller's error on held-out latents."""
        return float(np.mean([float(self.errors(*pair)) for pair in self.shown(self.network, 32)]))

    def sheet(self, path: Path, resolution: int) -> None:
        """Held-out identities before the stage (above) and now (below), each pair asked for the same."""
        from PIL import Image

        rows = []
        for network in (self.before, self.network):
            images = torch.cat([images for images, _ in self.shown(network, 8)])
            rows.append(np.concatenate(list(to_pixels(images).cpu().numpy()), 1))
        Image.fromarray(np.concatenate(rows)).save(path)


def calm_difference(images: Tensor, shown: Tensor) -> Tensor:
    """Mean absolute difference at low resolution over the share of each picture that differs least.

    What an attribute must change differs most, wherever it lies; nobody has to say where.

    Args:
        images, shown: float [B, 3, R, R].
    """
    factor = max(1, images.shape[-1] // LOW)
    differences = F.avg_pool2d(images - shown, factor).abs().mean(1).flatten(1)
    return differences.sort(1).values[:, : max(1, int(differences.shape[1] * CALM))].mean()


def ready(folder: Path) -> tuple[Generator, torch.dtype]:
    """The generator in a folder, with an attribute network (a new one does nothing yet), and its stored number format.

    Raises:
        BadWeights: the folder holds no sound generator.
        TrainingError: it is conditioned on other attributes.
    """
    from safetensors.torch import load_file

    generator = load_generator(folder)
    stored = load_file(next(iter(sorted(folder.glob("model-*.safetensors")))))["w_avg"].dtype
    config = generator.config
    if generator.attribute_network is None:
        config = replace(config, attribute_layers=3, attributes=CONDITIONS)
        torch.manual_seed(0)
        whole = Generator(config).eval().requires_grad_(False)
        whole.load_state_dict(generator.state_dict(), strict=False)
        generator = whole
    if config.attributes != CONDITIONS:
        raise TrainingError(f"the generator in {folder} follows other attributes than {', '.join(CONDITIONS)}")
    return generator, stored


def check_size(folder: Path, side: int) -> None:
    """Looks at up to a hundred pictures.

    Raises:
        TrainingError: one has fewer than ``side`` pixels, so that its labels cannot be learnt as the generator will show them.
    """
    from PIL import Image, UnidentifiedImageError

    rows = read_labels(folder)
    for row in rows[:: max(1, len(rows) // 100)]:
        try:
            with Image.open(folder / row["file"]) as picture:
                size = min(picture.size)
        except (OSError, UnidentifiedImageError):
            continue  # named when all are read
        if size < side:
            raise TrainingError(
                f"{folder / row['file']} has only {size} pixels; the attributes of this generator are read at {side}"
            )


def run_stage(
    data: Path, source: Path, out: Path, recipe: Recipe, device: str, seed: int, checkpoint_minutes: float, every: int,
    minutes: float = 0.0, command: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Trains the labeller, then the attribute network; both go on where they were.

    Args:
        data: folder of labelled pictures.
        source: folder of the generator.
        out: receives ``generator``, checkpoints, curve, sheet and ``report.json``.
        minutes: limits the attribute network's training; 0: does not.

    Returns:
        The report; if it was stopped before the labeller was ready, only how far that is.

    Raises:
        TrainingError, BadWeights: the folder, the generator or what is in ``out`` does not fit.
    """
    generator, stored = ready(source)
    resolution = generator.config.resolution
    if resolution < LOW:
        raise TrainingError(f"pictures of {resolution} pixels are too small to read attributes from")
    check_size(data, min(LARGEST, resolution))
    out.mkdir(parents=True, exist_ok=True)
    faces = load_faces(data, out / "pictures", resolution)
    budget = recipe.labeller_pictures
    reader = LabellerTrainer(out / "labeller", faces, resolution, budget, device, seed)
    trained = train_labeller(reader, checkpoint_minutes, every)
    if trained is None:
        return {"labeller_pictures": reader.seen}
    trainer = AttributeTrainer(out, faces, generator, stored, *trained, recipe, device, seed)
    trainer.resume()
    run(trainer, minutes, checkpoint_minutes, every)
    report = {
        "command": command,
        "data": data.name,
        "pictures_in_folder": len(faces),
        "generator": source.name,
        "recipe": asdict(recipe),
        "steps": trainer.step,
        "minutes": round((trainer.seconds + reader.seconds) / 60, 1),
        "seed": seed,
        "labeller_on_held_out_pictures": correlations(*reader.read()),
        "labeller_on_held_out_latents": {
            "latents": HELD_OUT,
            "before": trainer.follows(trainer.before),
            "after": trainer.follows(trainer.network),
        },
    }
    trainer.sheet(out / "sheet.png", resolution)
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return report
