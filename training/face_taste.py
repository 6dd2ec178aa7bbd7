"""Trains the auto-encoder that a user's taste in faces is learnt in, on drawn portraits.

    python -m stylegan draw --count 4000 --seed 1 --out runs/portraits
    python -m training.face_taste runs/portraits --out stylegan/bundled/taste

It paints each portrait anew from a few numbers, most of which have to say by themselves what people look at; the labels tell
what is true. What people look at weighs more than the scene behind it. Ctrl-C stops; the same command goes on from the last
checkpoint.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stylegan.errors import StyleganError
from training.command_line import command_line
from training.errors import TrainingError

if TYPE_CHECKING:
    import torch

    from stylegan.face_space import FaceSpace
    from training.face_judge import Recipe

BUNDLED = Path(__file__).parent.parent / "stylegan" / "bundled" / "taste"
HELD_OUT = 0.1
LEAST = 20
WEIGHTS = {"background": 0.3, "clothes": 0.5, "eye": 3.0, "iris": 3.0, "mouth": 2.0, "brow": 2.0}
"""Of a pixel in the loss, by what it shows; 1 for all else."""
NAMED = (
    "hair_color", "hair_length", "hair_hue", "hair_saturation", "hair_volume", "back_style", "bang_style", "parting",
    "jaw", "cheek", "eye_width", "eye_height", "eye_tilt", "iris_hue", "iris_value", "brow_thickness", "mouth_width",
    "skin_tone", "accessory", "clothes_style", "clothes_hue", "clothes_value", "background_mean", "background_hue",
)  # fmt: skip
"""What the first numbers say: an attribute, or a coordinate of the identity (`stylegan.portrait.identity`)."""
FREE_TRUST = 0.3
"""What numbers without a name count in distances; named ones count by their correlation with the label."""
NAMED_WEIGHT = 0.15
"""Of their mean squared error beside that of the pixels."""


@dataclass
class Faces:
    """Small portraits in memory.

    Attributes:
        images: uint8 [N, R, R, 3].
        weights: float32 [N, R, R], of each pixel.
        named: float32 [N, len(NAMED)], standardised.
    """

    images: NDArray[np.uint8]
    weights: NDArray[np.float32]
    named: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)


def load_faces(folder: Path, count: int, side: int) -> Faces:
    """Reads the first ``count`` portraits of a folder (0: all), made smaller to ``side`` pixels.

    Raises:
        TrainingError: names the file and what is wrong with it.
    """
    from PIL import Image
    from tqdm import tqdm

    from stylegan.portrait.labels import SEGMENTS

    try:
        lines = (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise TrainingError(
            f"{folder} holds no drawn portraits ({error.strerror}: labels.jsonl); python -m stylegan draw writes them"
        ) from None
    lines = lines[:count] if count else lines
    if len(lines) < LEAST:
        raise TrainingError(f"{folder} holds {len(lines)} portraits; at least {LEAST} are needed, thousands are meant")
    table = np.zeros(256, np.float32)
    table[: len(SEGMENTS)] = [WEIGHTS.get(name, 1.0) for name in SEGMENTS]
    images, weights, named = [], [], []
    for number, line in enumerate(tqdm(lines, desc="reading", unit="portrait"), 1):
        try:
            row = json.loads(line)
            with Image.open(folder / row["file"]) as picture:
                images.append(np.asarray(picture.convert("RGB").resize((side, side), Image.Resampling.BOX)))
            with Image.open(folder / row["segments"]) as picture:
                seen = Image.fromarray(table[np.asarray(picture)])
                weights.append(np.asarray(seen.resize((side, side), Image.Resampling.BOX)))
            named.append([labelled(row, name) for name in NAMED])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"{folder / 'labels.jsonl'}:{number}: {error!r}; draw the portraits anew") from None
    values = np.array(named, np.float32)
    return Faces(np.stack(images), np.stack(weights), (values - values.mean(0)) / values.std(0).clip(1e-6))


def drawn_with(folder: Path) -> str:
    """The seed of the portraits in a folder."""
    try:
        return str(json.loads((folder / "portraits.json").read_text(encoding="utf-8"))["seed"])
    except (OSError, ValueError, KeyError):
        return "unknown"


def labelled(row: dict[str, Any], name: str) -> float:
    """An attribute or a coordinate of the identity, of one line of labels."""
    from stylegan.portrait.identity import COORDINATES

    if name in row:
        return float(row[name])
    return float(row["latent"][[known for known, _ in COORDINATES].index(name)])


def train(faces: Faces, recipe: Recipe, space: FaceSpace, finish_now: bool = False) -> dict[str, Any]:
    """Trains on all but the last tenth, and measures on that.

    Args:
        finish_now: trains no further than the checkpoint in the run's folder.

    Returns:
        The report that the model card is written from.
    """
    import torch

    from stylegan.metrics import correlation
    from stylegan.vision import to_tensor
    from training.face_judge import fit

    held = max(2, int(HELD_OUT * len(faces)))
    known = len(faces) - held
    side = space.config.resolution

    def loss(rng: np.random.Generator, batch: int) -> torch.Tensor:
        at = rng.integers(0, known, batch)
        pictures = to_tensor(faces.images[at], side)
        with torch.autocast("cpu", torch.bfloat16):
            painted, codes = space.network(pictures)
        told = (codes[:, : len(NAMED)] - torch.from_numpy(faces.named[at])).square().mean()
        return distance(painted.float(), pictures, torch.from_numpy(faces.weights[at])) + NAMED_WEIGHT * told

    if finish_now:
        take_checkpoint(space, recipe)
    else:
        fit("taste", space.network, loss, recipe)
    unseen = Faces(faces.images[known:], faces.weights[known:], faces.named[known:])
    codes = space.encode(unseen.images)
    told = {name: round(correlation(codes[:, at], unseen.named[:, at]), 3) for at, name in enumerate(NAMED)}
    report = {
        "portraits": len(faces), "held out": held, "seed": recipe.seed, "minutes": recipe.minutes["taste"],
        "steps": recipe.curve["taste"][-1][0], "planned": recipe.steps["taste"], "batch": recipe.batch["taste"],
        "parameters": sum(p.numel() for p in space.network.parameters()),
        "device": f"CPU, {torch.get_num_threads()} thread(s), bf16",
        "error": measure(faces.images[:known], unseen, space),
        "told": told,
        "curve": recipe.curve["taste"],
    }  # fmt: skip
    space.config = replace(space.config, trust=trust_in(told, space.size))
    return report


def trust_in(told: dict[str, float], size: int) -> tuple[float, ...]:
    """What each number counts in distances, by how well the named ones say what they should."""
    named = tuple(value if value > 0 else 0.0 for value in told.values())
    return named + (FREE_TRUST,) * (size - len(named))


def take_checkpoint(space: FaceSpace, recipe: Recipe) -> None:
    """Takes the network as an unfinished run has left it.

    Raises:
        TrainingError: there is no checkpoint.
    """
    import torch

    path = recipe.run / "taste.pt"
    if not path.is_file():
        raise TrainingError(f"{path} is not there: nothing has been trained so far; leave --finish-now out")
    state = torch.load(path, weights_only=True)
    space.network.load_state_dict(state["network"])
    space.network.eval().requires_grad_(False)
    recipe.curve["taste"] = [tuple(point) for point in state["curve"]]
    recipe.minutes["taste"] = round(state["seconds"] / 60, 1)


def distance(painted: torch.Tensor, pictures: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted mean absolute difference of pictures [B, 3, R, R]; weights [B, R, R]."""
    found: torch.Tensor = ((painted - pictures).abs().mean(1) * weights).sum() / weights.sum()
    return found


def measure(known: NDArray[np.uint8], unseen: Faces, space: FaceSpace) -> dict[str, float]:
    """The error on held-out portraits, and what as many principal components and the mean portrait leave.

    Components are those of up to 1,000 training pictures.
    """
    import torch

    shown = unseen.images.astype(np.float32) / 127.5 - 1
    weights = torch.from_numpy(unseen.weights)
    flat = (known[:1000].astype(np.float32) / 127.5 - 1).reshape(min(1000, len(known)), -1)
    mean = flat.mean(0)
    axes = np.linalg.svd(flat - mean, full_matrices=False)[2][: space.size]
    rest = shown.reshape(len(shown), -1) - mean
    projected = mean + rest @ axes.T @ axes

    def error(painted: NDArray[np.float32]) -> float:
        parts = [torch.from_numpy(np.ascontiguousarray(x.reshape(shown.shape))).permute(0, 3, 1, 2)
                 for x in (painted, shown)]  # fmt: skip
        return round(float(distance(parts[0], parts[1], weights)), 4)

    decoded = space.decode(space.encode(unseen.images)).astype(np.float32) / 127.5 - 1
    return {
        "auto-encoder": error(decoded),
        f"{len(axes)} principal components": error(projected),
        "mean portrait": error(np.broadcast_to(mean, projected.shape)),
    }


def card(report: dict[str, Any]) -> str:
    """The model card."""
    weights = ", ".join(f"{name} {weight:g}" for name, weight in WEIGHTS.items())
    data = (
        f"{report['portraits']:,} portraits drawn by this project's renderer with seed {report['drawn with']} (the last "
        f"{report['held out']} held out); nobody's photograph, nobody's drawing"
    )
    loss = (
        f"mean absolute difference of the pictures (weights of pixels: {weights}, all else 1), and {NAMED_WEIGHT} times the "
        "mean squared error of the named numbers"
    )
    curve = report["curve"][:: max(1, len(report["curve"]) // 10)]
    told = "\n".join(f"| {name} | {value} |" for name, value in report["told"].items())
    errors = "\n".join(f"| {name} | {value} |" for name, value in report["error"].items())
    return f"""# The bundled space of faces

An auto-encoder that keeps {report["size"]} numbers of a face picture at {report["side"]}×{report["side"]} pixels. Taste is learnt
in the space of these numbers (`stylegan/taste.py`); the decoder only serves to train it and to look at what is kept.
{report["parameters"] / 1e6:.2f} M parameters, stored in half precision.

| | |
|---|---|
| made by | `{report["command"]}` |
| data | {data} |
| loss | {loss} |
| steps | {report["steps"]:,} of {report["planned"]:,} planned, {report["batch"]} pictures each, AdamW |
| seed | {report["seed"]} |
| device | {report["device"]} |
| minutes | {report["minutes"]} |
| licence | Apache-2.0, as this repository |

Weighted mean absolute error on the held-out portraits (pixels of −1…1):

| what paints them | error |
|---|---|
{errors}

What the named numbers say, against the labels of the held-out portraits (with any pose and expression; correlation). So
much they count in distances; the others count {FREE_TRUST:g}:

| number | |
|---|---|
{told}

Training loss (running mean, with noise on the code) by step: {", ".join(f"{step} {value:.3f}" for step, value in curve)}

How well tastes are learnt in this space: `python -m stylegan evaluate-taste`, and docs/faces.md.
"""


def build_parser() -> argparse.ArgumentParser:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(prog="python -m training.face_taste", description=__doc__.split("\n")[0])
    parser.add_argument("portraits", type=Path, metavar="FOLDER", help="what python -m stylegan draw wrote")
    parser.add_argument("--out", type=Path, default=BUNDLED, help="where the weights go (default: the bundled folder)")
    parser.add_argument("--run", type=Path, default=Path("runs/face-taste"), help="folder of the checkpoint")
    parser.add_argument("--count", type=int, default=4000, help="use the first so many portraits; 0 for all (4000)")
    parser.add_argument("--size", type=int, default=32, help="numbers of a vector (32)")
    parser.add_argument("--steps", type=int, default=2000, help="steps of training (2000)")
    parser.add_argument("--batch", type=int, default=32, help="pictures of one step (32)")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--finish-now", action="store_true", help="train no further: write what the last checkpoint has"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    return parser


def main(argv: list[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    try:
        import torch

        from stylegan.face_space import FaceSpace, SpaceConfig, save_space
        from training.face_judge import Recipe
        from training.memory import keep_large_blocks

        keep_large_blocks()
        if options.threads:
            torch.set_num_threads(options.threads)
        config = SpaceConfig(options.size, NAMED)
        faces = load_faces(options.portraits, options.count, config.resolution)
        torch.manual_seed(options.seed)
        recipe = Recipe(
            steps={"taste": options.steps}, batch={"taste": options.batch}, learning_rate=options.learning_rate,
            seed=options.seed, run=options.run,
        )  # fmt: skip
        space = FaceSpace(config)
        report = train(faces, recipe, space, options.finish_now)
        report |= {"size": config.size, "side": config.resolution, "drawn with": drawn_with(options.portraits)}
        report["command"] = command_line("training.face_taste", argv)
        save_space(space, options.out)
        (options.out / "MODEL_CARD.md").write_text(card(report), encoding="utf-8")
        print(f"{options.out}: held-out error {report['error']}")
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
