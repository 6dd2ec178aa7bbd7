"""What the judge of faces, the filters and the recognizer measure on held-out portraits; their model card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stylegan.attributes import CONDITIONS

if TYPE_CHECKING:
    from stylegan.filters import Filters
    from stylegan.judge import Judge
    from stylegan.recognition import Recognizer
    from training.portraits import Portraits

GOALS = {"smile": 0.95, "brow": 0.95, "pitch": 0.95}  # the correlation that is wanted; .98 for the others


def judged(judge: Judge, portraits: Portraits) -> dict[str, Any]:
    """Agreement of the judge with the labels of held-out portraits of its own resolution."""
    from stylegan.metrics import correlation, intersection_over_union

    seen = judge.see(portraits.images)
    found = judge.measure(portraits.images)
    regions = np.concatenate([part.regions for part in seen])
    points = np.concatenate([part.landmarks for part in seen])
    overlap = intersection_over_union(portraits.segments, regions, len(judge.config.regions))
    far = np.linalg.norm(points - portraits.landmarks, axis=2)
    return {
        "overlap": dict(zip(judge.config.regions, overlap.round(4).tolist(), strict=True)),
        "landmark error": {
            "mean": round(float(far.mean()), 3),
            "worst landmark": round(float(far.mean(0).max()), 3),
        },
        "correlation": {name: round(correlation(portraits.attributes[name], found[name]), 4) for name in CONDITIONS},
        "mean error": {
            name: round(float(np.abs(portraits.attributes[name] - found[name]).mean()), 4) for name in CONDITIONS
        },
    }


def filtered(
    filters: Filters, portraits: Portraits, spoilt: tuple[NDArray[np.uint8], NDArray[np.float32]]
) -> dict[str, Any]:
    """How well the filters tell gender and quality apart on held-out portraits and degraded copies."""
    from stylegan.metrics import auroc, correlation

    clean, bad = filters.measure(portraits.images), filters.measure(spoilt[0])
    woman = portraits.attributes["gender"] > 0.5
    asked = np.concatenate([np.ones(len(portraits)), spoilt[1]])
    worse = spoilt[1] < 0.5
    return {
        "gender AUROC": round(auroc(clean["gender"][woman], clean["gender"][~woman]), 4),
        "gender accuracy": round(float(((clean["gender"] > 0.5) == woman).mean()), 4),
        "quality correlation": round(correlation(asked, np.concatenate([clean["quality"], bad["quality"]])), 4),
        "quality AUROC, clean against quality below .5": round(auroc(clean["quality"], bad["quality"][worse]), 4),
        "clean portraits served, of women": round(float(filters.serves(portraits.images)[woman].mean()), 4),
        "spoilt (below .5) let through": round(float((bad["quality"][worse] >= filters.config.quality).mean()), 4),
    }


def recognized(recognizer: Recognizer, seed: int, identities: int) -> dict[str, Any]:
    """Cosine of readings of one identity, drawn twice with other attributes, and of two identities."""
    from stylegan.metrics import auroc
    from stylegan.portrait import draw, sample_attributes, sample_latent
    from stylegan.recognition import cosine

    rng = np.random.default_rng([seed, 7])
    latents = [sample_latent(rng) for _ in range(identities)]
    size = recognizer.config.resolution
    a, b = (
        recognizer.read(np.stack([draw(latent, sample_attributes(rng), size).image for latent in latents]))
        for _ in "ab"
    )
    table = cosine(a, b)
    same, other = np.diag(table), table[~np.eye(identities, dtype=bool)]
    return {
        "same identity": round(float(same.mean()), 4),
        "another identity": round(float(other.mean()), 4),
        "AUROC": round(auroc(same, other), 4),
        "found first among the others": round(float((table.argmax(1) == np.arange(identities)).mean()), 4),
    }


def card(report: dict[str, Any]) -> str:
    """The model card."""

    def table(head: str, rows: dict[str, Any]) -> str:
        return "\n".join([f"| {head} | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items())])

    minutes = ", ".join(f"{name} {value}" for name, value in report["minutes"].items())
    curves = "\n".join(
        f"- {name}: " + ", ".join(f"{step} {loss:.3f}" for step, loss in curve[:: max(1, len(curve) // 8)])
        for name, curve in report["curve"].items()
    )
    return f"""# The bundled judge of faces, filters and recognizer

Measures the attributes of a face picture independently of the generator: a U-Net for regions and landmarks, a regressor of
true yaw and pitch, a calibrated map from their geometry to eyes, mouth, smile and brow, formulas over the regions for hair
and background; a filter of gender and quality; and a network that reads the latent of an identity, to tell identities apart.
{report["parameters"] / 1e6:.1f} M parameters in all, stored in half precision.

{
        table(
            "",
            {
                "made by": f"`{report['command']}`",
                "data": f"{report['portraits']:,} portraits drawn by this project's renderer ({report['held out']} held out), "
                "with exact labels; nobody's photograph, nobody's drawing",
                "seed": f"{report['seed']} of training; portraits drawn from seed {report['portraits seed']}, the generator's from another",
                "device": report["device"],
                "minutes": minutes,
                "licence": "Apache-2.0, as this repository",
            },
        )
    }

Held out:

{table("region", {f"IoU of {name}": value for name, value in report["judge"]["overlap"].items()})}

{
        table(
            "attribute",
            {
                name: f"correlation {value}, mean error {report['judge']['mean error'][name]}"
                for name, value in report["judge"]["correlation"].items()
            },
        )
    }

Landmarks: {report["judge"]["landmark error"]["mean"]} pixels off on average at 256², the worst one
{report["judge"]["landmark error"]["worst landmark"]}.

{table("filters", report["filters"])}

{table("recognizer: cosine", report["recognizer"])}

Training loss (running mean) by step:

{curves}

It knows drawn faces of one manner, and nothing of photographs.
"""


def show(report: dict[str, Any]) -> None:
    """Prints the held-out figures as tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    attributes = Table("attribute", "correlation", "wanted", "mean error", title="Judge, held out")
    for name, value in report["judge"]["correlation"].items():
        wanted = GOALS.get(name, 0.98)
        colour = "green" if value >= wanted else "red"
        error = report["judge"]["mean error"][name]
        attributes.add_row(name, f"[{colour}]{value:.4f}[/]", f"{wanted}", f"{error:.4f}")
    console.print(attributes)
    rest = Table("measure", "", title="Regions, filters, recognizer")
    for name, value in report["judge"]["overlap"].items():
        rest.add_row(f"IoU of {name}", f"{value:.4f}")
    rest.add_row("landmarks off, pixels", f"{report['judge']['landmark error']['mean']:.2f}")
    for name, value in (report["filters"] | report["recognizer"]).items():
        rest.add_row(name, f"{value:.4f}")
    console.print(rest)
