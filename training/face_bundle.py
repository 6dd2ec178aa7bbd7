"""Puts a trained generator where the server looks for it, with a model card made from its reports.

python -m stylegan evaluate --face runs/face/generator --out runs/face/evaluation.json
python -m training.face_bundle --run runs/face
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from stylegan.attributes import CONDITIONS
from stylegan.errors import StyleganError
from training.bundle import read_report
from training.errors import TrainingError

BUNDLED = Path(__file__).parent.parent / "stylegan" / "bundled" / "face"
LICENCE = "CC BY-SA 4.0"


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in lines)


def measured(evaluation: dict[str, Any]) -> str:
    """What ``python -m stylegan evaluate`` found, as Markdown."""
    rows = [
        (
            name,
            _figure(evaluation["correlation"].get(name)),
            _figure(evaluation["error"].get(name)),
            _figure(max((v for v in evaluation["leakage"].get(name, {}).values() if v is not None), default=None)),
        )
        for name in CONDITIONS
    ]
    parts = [
        f"Over {evaluation['identities']} random identities; the filters serve {evaluation['served']:.1%} of all.",
        table(("attribute", "correlation asked–judged", "mean error, its unit", "largest change in another one"), rows),
        table(
            ("", ""),
            [
                ("leakage, mean over all pairs (share of the range)", _figure(evaluation.get("leakage_mean"))),
                ("identity: cosine within / across, AUROC", " / ".join(_figure(evaluation[k]) for k in ("same", "other"))
                 + f", {_figure(evaluation['recognition'])}"),
                *[(name, _figure(value)) for name, value in evaluation["distances"].items()],
            ],
        ),
    ]  # fmt: skip
    return "\n\n".join(parts)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def curve_table(rows: list[dict[str, Any]]) -> str:
    """About ten points of the curve."""
    chosen = rows[:: max(1, len(rows) // 10)]
    if rows and chosen[-1] is not rows[-1]:
        chosen.append(rows[-1])
    shown = [
        (f"{row['pictures']:,}", row["minutes"], row["resolution"], row.get("paired", "–"), row.get("held_out", "–"))
        for row in chosen
    ]
    return table(("pictures", "minutes", "resolution", "paired loss", "held-out difference (of 255)"), shown)


def adversarial(preset: dict[str, Any]) -> str:
    """Whether and how the discriminator took part."""
    if not preset["adversarial"]:
        return "left out: pairs alone"
    return f"from {preset['adversarial_from']:.0%} on, weight {preset['adversarial']}"


def card(
    report: dict[str, Any], curve: list[dict[str, Any]], evaluation: dict[str, Any] | None, facts: dict[str, Any]
) -> str:
    """The model card."""
    shape = (
        f"StyleGAN2 architecture, {facts['parameters'] / 1e6:.1f} M parameters, {facts['resolution']}², "
        f"z {facts['latent_dim']}, w {facts['w_dim']}; conditioned on {', '.join(facts['attributes'])}"
    )
    about = table(
        ("", ""),
        [
            ("shape", shape),
            ("made by", f"`{report['command']}`"),
            ("data", f"{report['pictures_in_folder']:,} portraits of `python -m stylegan draw` (seed 1)"),
            ("shown", f"{report['pictures']:,} pictures in {report['steps']:,} steps, {report['minutes']} minutes"),
            ("device", report["device"]),
            ("seed", report["seed"]),
            ("stages", "; ".join(f"{size}² until {until:.0%}" for size, _, until in report["preset"]["stages"])),
            ("adversarial", adversarial(report["preset"])),
            ("licence", LICENCE),
        ],
    )
    return f"""# The bundled face generator

{about}

Every portrait it learnt from was drawn by the project's own program (`stylegan/portrait`): nothing is anybody's
photograph or drawing, and nobody's likeness is in it. A latent stands for one drawn person; the generator saw pairs of
latent, attributes and picture. It is judged on latents that it never saw.

## Curve

{curve_table(curve)}

## Measured

{measured(evaluation) if evaluation else "Not yet: run `python -m stylegan evaluate`."}
"""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.face_bundle", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, metavar="FOLDER", help="output of training.face")
    parser.add_argument("--out", type=Path, default=BUNDLED, metavar="FOLDER")
    options = parser.parse_args(argv)
    try:
        from stylegan.generator import load_generator

        report = read_report(options.run)
        generator = load_generator(options.run / "generator")
        lines = (options.run / "curve.jsonl").read_text(encoding="utf-8").splitlines()
        found = options.run / "evaluation.json"
        evaluation = json.loads(found.read_text(encoding="utf-8")) if found.exists() else None
        config = generator.config
        facts = {
            "parameters": sum(parameter.numel() for parameter in generator.parameters()),
            "resolution": config.resolution,
            "latent_dim": config.latent_dim,
            "w_dim": config.w_dim,
            "attributes": config.attributes,
        }
        options.out.mkdir(parents=True, exist_ok=True)
        for old in options.out.glob("model-*.safetensors"):
            old.unlink()
        for file in sorted((options.run / "generator").iterdir()):
            shutil.copy2(file, options.out / file.name)
        text = card(report, [json.loads(line) for line in lines], evaluation, facts)
        (options.out / "MODEL_CARD.md").write_text(text, encoding="utf-8")
    except (TrainingError, StyleganError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror or error}", file=sys.stderr)
        return 1
    print(f"{options.out}: {facts['parameters'] / 1e6:.1f} M parameters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
