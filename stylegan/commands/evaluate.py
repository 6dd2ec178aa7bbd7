"""``python -m stylegan evaluate``: how well a face follows what is asked of it, by the independent judge."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylegan.commands.options import at_least
from stylegan.errors import CannotWrite

if TYPE_CHECKING:
    from rich.console import Console

    from stylegan.evaluation import Evaluation
    from stylegan.pictures import Pictures

SHORT = {
    "hair_color": "hair", "hair_length": "long", "background_mean": "bg", "background_std": "bg ±",
}  # fmt: skip


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "evaluate", help="measure how well a face follows what is asked", description=__doc__
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--face", default="bundled", metavar="FOLDER", help="generator (default: the bundled one)")
    source.add_argument(
        "--drawn", action="store_true", help="judge the renderer's own portraits instead: the best that can be measured"
    )
    parser.add_argument("--judge", default="bundled", metavar="FOLDER", help="judge, filters and recognizer")
    parser.add_argument("--identities", type=at_least(2), default=1000, help="random identities that are served (1000)")
    parser.add_argument("--swept", type=at_least(2), default=40, help="of them, how many are swept (40)")
    parser.add_argument(
        "--references", type=at_least(0), default=2000, help="portraits for FID and KID; 0 leaves them out"
    )
    parser.add_argument("--truncation-psi", type=float, default=1.0, help="1: identities as they are (default)")
    parser.add_argument("--seed", type=at_least(0), default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--out", type=Path, default=None, metavar="FILE", help="also writes the figures as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluates and prints.

    Raises:
        StyleganError: weights are missing or damaged, or hardly any identity is served.
    """
    from rich.console import Console
    from rich.progress import Progress

    from stylegan.evaluation import Settings, evaluate
    from stylegan.filters import load_filters
    from stylegan.judge import load_judge
    from stylegan.pictures import DrawnPictures
    from stylegan.portrait import sample_attributes
    from stylegan.recognition import load_recognizer

    judge = load_judge(options.judge, options.device)
    filters = load_filters(options.judge, options.device)
    recognizer = load_recognizer(options.judge, options.device)
    settings = Settings(options.identities, min(options.swept, options.identities), 9, options.references, options.seed)
    drawn = DrawnPictures(judge.config.resolution)
    pictures: Pictures = drawn if options.drawn else generated(options.face, options.device, options.truncation_psi)
    references = drawn if options.references else None
    with Progress(console=Console(stderr=True), disable=options.json) as bar:
        task = bar.add_task("judging", total=settings.pictures)
        found = evaluate(
            pictures,
            judge,
            filters,
            recognizer,
            settings,
            sample_attributes,
            references,
            lambda n: bar.advance(task, n),
        )
    figures = found.as_json() | {"seed": options.seed, "judged": "portraits" if options.drawn else str(options.face)}
    if options.out:
        try:
            options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise CannotWrite(f"{options.out} cannot be written ({error.strerror}); name another --out") from None
    if options.json:
        print(json.dumps(figures))
    else:
        show(found, Console())
    return 0


def generated(face: str, device: str, truncation_psi: float) -> Pictures:
    """The pictures of the generator in a folder, or of the bundled one."""
    from stylegan.generator import load_generator
    from stylegan.pictures import GeneratedPictures
    from stylegan.renderer import best_dtype
    from stylegan.weights import folder_named

    generator = load_generator(folder_named(face, "face"), device, best_dtype(device))
    return GeneratedPictures(generator, truncation_psi=truncation_psi)


def mark(value: float, reached: bool, digits: int = 3) -> str:
    """A figure in green where a goal is reached, else in red."""
    return f"[{'green' if reached else 'red'}]{value:.{digits}f} {'✓' if reached else '✗'}[/]"


def shaded(value: float, goal: float) -> str:
    """A share in the colour of whether it stays below the goal."""
    return f"[{'red' if value > goal else 'green'}]{value:.2f}[/]"


def show(found: Evaluation, console: Console) -> None:
    """Prints the tables."""
    from rich.box import SIMPLE
    from rich.table import Table

    from stylegan.evaluation import EARLIER, GOALS, LEAKAGE_GOAL

    console.print(
        f"[bold]{found.served:.1%}[/] of random identities are served; all figures are over {found.identities:,} of those"
    )
    follow = Table("attribute", "correlation", "goal", "short by", "earlier", "error", "reach", box=SIMPLE,
                   title="Asked against judged, all attributes at random")  # fmt: skip
    for name, value in found.correlation.items():
        goal = GOALS[name]
        short = "" if value >= goal else f"{goal - value:.3f}"
        earlier = f"{EARLIER[name]:.2f}" if name in EARLIER else "–"
        follow.add_row(
            name, mark(value, value >= goal), f"≥ {goal}", short, earlier, f"{found.error[name]:.3f}",
            f"{found.reach[name]:.2f}",
        )  # fmt: skip
    console.print(follow)
    leak = Table(
        "swept", *(SHORT.get(name, name) for name in found.leakage), box=SIMPLE, padding=(0, 0, 0, 1), pad_edge=False,
        title=f"Leakage: change in the others while one is swept, as share of their range (goal ≤ {LEAKAGE_GOAL})",
    )  # fmt: skip
    for name, row in found.leakage.items():
        cells = (shaded(row[other], LEAKAGE_GOAL) if other != name else "–" for other in found.leakage)
        leak.add_row(SHORT.get(name, name), *cells)
    console.print(leak)
    mean, most = float(found.leaks.mean()), float(found.leaks.max())
    console.print(f"leakage: mean {mark(mean, mean <= LEAKAGE_GOAL)}, most {mark(most, most <= LEAKAGE_GOAL)}")
    console.print(
        f"identity: cosine {found.same:.3f} across the sweeps of one, {found.other:.3f} between two; "
        f"AUROC {found.recognition:.4f}"
    )
    if found.distances:
        console.print(
            "to portraits of other identities, features of the judge's encoder (not Inception's): "
            f"FID {found.distances['FID']:.2f} (floor, portraits to portraits: {found.distances['FID floor']:.2f}), "
            f"KID {found.distances['KID']:.4f} (floor {found.distances['KID floor']:.4f})"
        )
