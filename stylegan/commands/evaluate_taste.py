"""``python -m stylegan evaluate-taste``: how well tastes in faces are learnt, with simulated users."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from stylegan.commands.options import at_least

if TYPE_CHECKING:
    from rich.console import Console

    from stylegan.pictures import Pictures
    from stylegan.taste_evaluation import TasteEvaluation

DRAWN_SIZE = 128


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "evaluate-taste", help="measure how well tastes in faces are learnt", description=__doc__
    )
    parser.add_argument(
        "--face", default="bundled", metavar="FOLDER",
        help="generator of the faces; where the bundled one is missing, drawn portraits take its place",
    )  # fmt: skip
    parser.add_argument("--drawn", action="store_true", help="drawn portraits instead of a generator's faces")
    parser.add_argument(
        "--taste", default="bundled", metavar="FOLDER", help="auto-encoder that training.face_taste wrote"
    )
    parser.add_argument("--users", type=at_least(2), default=200, help="simulated users (200)")
    parser.add_argument("--faces", type=at_least(120), default=600, help="faces they may see (600)")
    parser.add_argument("--seed", type=at_least(0), default=0, help="another seed simulates other users (0)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Simulates and prints.

    Raises:
        StyleganError: weights are missing or damaged, or skia is not installed where portraits are drawn.
    """
    from rich.console import Console
    from rich.progress import Progress

    from stylegan.face_space import load_space
    from stylegan.taste_evaluation import Settings, evaluate, properties_of, vectors_of, women

    space = load_space(options.taste)
    pictures, of_what = source(options)
    settings = Settings(users=int(options.users), faces=int(options.faces), seed=int(options.seed))
    faces = women(settings.faces, pictures.latent_dim)
    with Progress(console=Console(stderr=True), disable=options.json) as bar:
        looking = bar.add_task("looking at faces", total=len(faces))
        vectors = vectors_of(faces, pictures, space, lambda count: bar.advance(looking, count))
        simulating = bar.add_task("simulating users", total=settings.users)
        found = evaluate(vectors, properties_of(faces), settings, lambda count: bar.advance(simulating, count))
    if options.json:
        print(json.dumps(found.as_json() | {"pictures": of_what, "seed": settings.seed}))
    else:
        show(found, settings.gallery, of_what, Console())
    return 0


def source(options: argparse.Namespace) -> tuple[Pictures, str]:
    """Whose pictures the users see, and their name."""
    from stylegan.pictures import DrawnPictures
    from stylegan.weights import folder_named

    missing = options.face == "bundled" and not (folder_named("bundled", "face") / "config.json").is_file()
    if options.drawn or missing:
        return DrawnPictures(DRAWN_SIZE), "drawn portraits"
    from stylegan.commands.evaluate import generated

    return generated(options.face, "cpu", 1.0), "generated faces"


def show(found: TasteEvaluation, gallery: int, of_what: str, console: Console) -> None:
    """Prints the tables."""
    from rich.table import Table

    console.print(
        f"[bold]{found.users}[/] simulated users, {found.faces} {of_what}; a rating is 1…5, given with noise "
        "(deviation 0.5), and each user looks at 4 of 29 properties"
    )
    learnt = Table("ratings", "model: error", "user's mean", "always 3", "better by", "rank correlation",
                   title="Predicting the ratings of unseen faces (mean absolute error)")  # fmt: skip
    for count, error in found.error.items():
        mean = found.baseline[count]
        colour = "green" if error < mean else "red"
        learnt.add_row(
            str(count), f"[{colour}]{error:.3f}[/]", f"{mean:.3f}", f"{found.middle[count]:.3f}",
            f"{(mean - error) / mean:+.1%}", f"{found.rank[count]:.3f}",
        )  # fmt: skip
    console.print(learnt)
    groups = Table("users", "rank correlation", title=f"After {max(found.rank)} ratings, by kind of taste")
    for name, rank in found.ranks.items():
        groups.add_row(name, f"{rank:.3f}")
    console.print(groups)
    rounds = Table("round", "rated before", "liking: following", "random", "best so far: following", "random",
                   title=f"True liking (1…5) of galleries of {gallery}, all of which are rated")  # fmt: skip
    for number in range(len(found.followed)):
        rounds.add_row(
            str(number + 1), str(number * gallery), f"[green]{found.followed[number]:.2f}[/]",
            f"{found.random[number]:.2f}", f"{found.best[number]:.2f}", f"{found.best_random[number]:.2f}",
        )  # fmt: skip
    console.print(rounds)
    console.print(f"the best face there is: {found.possible:.2f}")
