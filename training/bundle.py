"""Puts a trained base and adapter where the server looks for them, with a model card made from their reports.

    python -m training.bundle --base runs/base --adapter runs/adapter

Weights are stored as bf16 in shards under 15 MB. What ``training.evaluate --out ADAPTER/evaluation.json`` measured goes along.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.evaluate import flat

BUNDLED = Path(__file__).parent.parent / "character" / "bundled"
SHARD = "14MB"
LICENCE = "CC BY-SA 4.0 (trained on CC BY-SA text among others; NOTICE and docs/data.md name all sources)"


def read_report(folder: Path) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TrainingError(f"{folder} holds no report.json: the training there has not finished") from None
    return report


def table(rows: dict[str, Any]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items())])


def base_card(report: dict[str, Any], curve: list[dict[str, Any]], parameters: int, command: str) -> str:
    preset = report["preset"]
    shape = (
        f"Llama architecture, {parameters / 1e6:.1f} M parameters: hidden {preset['hidden_size']}, {preset['layers']} layers, "
        f"{preset['heads']} heads, vocabulary {preset['vocab_size']}, context {preset['context']}"
    )
    seen = "; ".join(
        f"{row['tokens'] / 1e6:.0f} M: {row.get('held/talk', '–')}" for row in curve[:: max(1, len(curve) // 6)]
    )
    return f"""# The bundled base model

A small Korean language model for 오로라, trained from scratch for this project. It is meant to be used with the adapter
beside it.

{
        table(
            {
                "shape": shape,
                "made by": f"`{command}`",
                "data": "Korean text sets of docs/data.md, and the written dialogues without their held-out tenth",
                "last mix of tokens": ", ".join(f"{kind} {share:g}" for kind, share in preset["mix"].items()),
                "tokens seen": f"{report['tokens'] / 1e6:.1f} M in {report['steps']:,} steps",
                "device": report.get("device", "2 CPU cores"),
                "minutes": report.get("minutes", "–"),
                "seed": report.get("seed", 0),
                "licence": LICENCE,
            }
        )
    }

Held-out perplexity per token, by kind of text:

{table(report["held_out_perplexity"])}

Held-out loss on short talk over tokens seen (nats): {seen}.

It is small: it knows little of the world, forgets what was said a few lines ago, and makes things up.
"""


def tuning_rows(report: dict[str, Any], command: str) -> dict[str, Any]:
    """The rows of a card for a run of training.sft."""
    recipe, dialogues = report["recipe"], report["dialogues"]
    tasks = ", ".join(f"{count} of {kind}" for kind, count in report.get("tasks", {}).items()) or "none"
    return {
        "made by": f"`{command}`",
        "shape": f"LoRA rank {recipe['rank']}, alpha {recipe['alpha']}, on all linear layers",
        "data": f"{dialogues['trained']:,} written dialogues (training/data/persona), {recipe['passes']} renderings of each; "
        f"{dialogues.get('borrowed', 0):,} everyday answers of ChatbotData turned into her speech; examples of tasks: {tasks}, "
        f"{recipe.get('task_passes', 1)} times each; {dialogues['held_out']} dialogues held out",
        "learning rate": recipe["learning_rate"],
        "steps": f"{report['steps']} of {recipe['batch']} chats",
        "device": report["device"],
        "minutes": report["minutes"],
        "seed": recipe["seed"],
        "held-out loss of her replies": f"{report['held_out_loss']} nats per token "
        f"(perplexity {report['held_out_perplexity']})",
    }


def preference_rows(report: dict[str, Any], command: str) -> dict[str, Any]:
    """The rows of a card for a run of training.kto."""
    recipe, before, after = report["recipe"], report["held_out"]["before"], report["held_out"]["after"]
    return {
        "then by": f"`{command}`",
        "labelled replies": f"{report['trained'].get('good', 0)} good, {report['trained'].get('bad', 0)} bad",
        "beta, learning rate, epochs": f"{recipe['beta']}, {recipe['learning_rate']}, {recipe['epochs']}",
        "steps of preference tuning": f"{report['steps']} of {recipe['batch']} replies, {report['minutes']} minutes",
        "good before bad, held out": f"{before['pairs won']} of pairs before, {after['pairs won']} after",
    }


def adapter_card(rows: dict[str, Any], measured: dict[str, Any] | None) -> str:
    figures = ""
    if measured:
        shown = {k: v for k, v in flat(measured).items() if k not in ("model", "commonest replies")}
        figures = f"\nMeasured by `python -m training.evaluate` on what was held out:\n\n{table(shown)}\n"
    return f"""# The bundled adapter

A LoRA adapter on the bundled base that makes it answer as 오로라.

{table(rows | {"licence": LICENCE})}
{figures}"""


def bundle(
    base: Path,
    adapter: Path,
    out: Path,
    base_command: str,
    adapter_command: str,
    tuned_from: Path | None,
    kto_command: str,
) -> None:
    """Writes ``out/base`` and ``out/adapter``.

    Args:
        adapter: the adapter that ships, of training.sft or training.kto.
        tuned_from: for one of training.kto, the adapter of training.sft that it began with.
    """
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    report = read_report(base)
    rows = tuning_rows(read_report(tuned_from or adapter), adapter_command)
    if tuned_from:
        rows |= preference_rows(read_report(adapter), kto_command)
    evaluation = adapter / "evaluation.json"
    measured = json.loads(evaluation.read_text(encoding="utf-8")) if evaluation.is_file() else None
    curve = [json.loads(line) for line in (base / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
    for name in ("base", "adapter"):
        shutil.rmtree(out / name, ignore_errors=True)
    model = AutoModelForCausalLM.from_pretrained(str(base), local_files_only=True, dtype=torch.bfloat16)
    model.save_pretrained(str(out / "base"), max_shard_size=SHARD)
    AutoTokenizer.from_pretrained(str(base), local_files_only=True).save_pretrained(str(out / "base"))
    card = base_card(report, curve, model.num_parameters(), base_command)
    (out / "base" / "MODEL_CARD.md").write_text(card, encoding="utf-8")

    (out / "adapter").mkdir()
    weights = {
        name: tensor.to(torch.bfloat16) for name, tensor in load_file(adapter / "adapter_model.safetensors").items()
    }
    save_file(weights, out / "adapter" / "adapter_model.safetensors", metadata={"format": "pt"})
    shutil.copy(adapter / "adapter_config.json", out / "adapter")
    shutil.copy(adapter / "curve.png", out / "adapter")
    if measured:
        shutil.copy(evaluation, out / "adapter")
    (out / "adapter" / "MODEL_CARD.md").write_text(adapter_card(rows, measured), encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.bundle", description=__doc__.split("\n")[0])
    parser.add_argument("--base", type=Path, required=True, help="run folder of training.pretrain")
    parser.add_argument("--adapter", type=Path, required=True, help="run folder of training.sft or training.kto")
    parser.add_argument(
        "--tuned-from", type=Path, default=None, help="for one of training.kto: the folder of training.sft"
    )
    parser.add_argument("--out", type=Path, default=BUNDLED, help="where the server looks (default: character/bundled)")
    parser.add_argument(
        "--base-command", default="python -m training.pretrain --data DATA --out runs/base --preset cpu"
    )
    parser.add_argument("--adapter-command", default="python -m training.sft --base runs/base --out runs/adapter")
    parser.add_argument(
        "--kto-command", default="python -m training.kto --base runs/base --start runs/sft --out runs/kto"
    )
    options = parser.parse_args(argv)
    try:
        bundle(
            options.base, options.adapter, options.out, options.base_command, options.adapter_command, options.tuned_from,
            options.kto_command,
        )  # fmt: skip
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
