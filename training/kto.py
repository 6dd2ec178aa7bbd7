"""Preference tuning: teaches an adapter to talk more like the replies marked good and less like those marked bad.

    python -m training.kto --out runs/kto                                             # our own labelled replies
    python -m training.kto --preferences mine.jsonl --out runs/kto                    # your own (training/data/FORMAT.md)
    python -m training.kto --from-feedback data/ohlora.sqlite3 --out runs/kto         # 👍 and 👎 of your server

Kahneman-Tversky optimisation (Ethayarajh et al. 2024) by TRL's `KTOTrainer`: single replies with a label, no pairs. The
adapter it begins with is kept as the reference from which the new one may not stray far. Good and bad replies
weigh the same in sum, however many there are of each. A tenth of the moments is held out; before and after are measured on it.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import TrainingError
from training.lora import (
    BUNDLED_ADAPTER,
    BUNDLED_BASE,
    choose_device,
    load_adapter,
    load_base,
    plot,
    run,
    save_adapter,
)
from training.memory import keep_large_blocks
from training.preferences import WRITTEN, Labelled, from_feedback, load_labelled, split

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class Recipe:
    """What is trained and how; saved beside the adapter.

    Attributes:
        start: folder of the adapter to begin with, which is also the reference.
        beta: how dearly straying from the reference is paid for; smaller allows more.
    """

    base: str
    start: str
    beta: float
    learning_rate: float
    epochs: float
    batch: int
    max_length: int
    seed: int


def weights(labelled: Sequence[Labelled]) -> tuple[float, float]:
    """Weights of good and bad replies that make both kinds count the same in sum; the rarer kind's is above 1."""
    good = sum(reply.good for reply in labelled)
    bad = len(labelled) - good
    return (1.0, good / bad) if good > bad else (bad / good, 1.0)


def check_enough(labelled: Sequence[Labelled], least: int) -> None:
    """Raises TrainingError where there are fewer than ``least`` good or bad replies to learn from."""
    good = sum(reply.good for reply in labelled)
    bad = len(labelled) - good
    if min(good, bad) < least:
        raise TrainingError(
            f"{good} good and {bad} bad replies; at least {least} of each are needed (--least sets another number, but "
            "few labels teach little)"
        )


def reply_loss(model: Any, tokenizer: Any, labelled: Sequence[Labelled], max_length: int) -> list[float]:
    """Mean loss in nats per token of each reply, given its prompt."""
    import torch
    import torch.nn.functional as F

    losses = []
    model.eval()
    for reply in labelled:
        prompt = tokenizer.apply_chat_template(reply.messages, add_generation_prompt=True, return_dict=True)[
            "input_ids"
        ]
        whole = tokenizer.apply_chat_template(
            [*reply.messages, {"role": "assistant", "content": reply.reply}], return_dict=True
        )["input_ids"]
        ids = torch.tensor([whole[-max_length:]], device=model.device)
        count = min(len(whole) - len(prompt), ids.shape[1] - 1)
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, -count - 1 : -1].float()
        losses.append(F.cross_entropy(logits, ids[0, -count:]).item())
    return losses


def measure(labelled: Sequence[Labelled], losses: Sequence[float]) -> dict[str, Any]:
    """What the losses say: how much likelier good replies are than bad ones.

    ``separation`` is the probability that a random good reply has a smaller loss per token than a random bad one (the
    area under the ROC curve; 0.5 is chance); ``pairs won`` the same within one moment.
    """
    good = [loss for reply, loss in zip(labelled, losses, strict=True) if reply.good]
    bad = [loss for reply, loss in zip(labelled, losses, strict=True) if not reply.good]
    by_title: dict[str, tuple[list[float], list[float]]] = {}
    for reply, loss in zip(labelled, losses, strict=True):
        by_title.setdefault(reply.title, ([], []))[not reply.good].append(loss)
    pairs = [g < b for goods, bads in by_title.values() for g in goods for b in bads]
    reasons: dict[str, list[float]] = {}
    for reply, loss in zip(labelled, losses, strict=True):
        if not reply.good and reply.reason:
            reasons.setdefault(reply.reason, []).append(loss)

    def mean(values: Sequence[float]) -> float | None:
        return round(statistics.mean(values), 4) if values else None

    wins = sum(g < b for g in good for b in bad)
    return {
        "good replies": len(good),
        "bad replies": len(bad),
        "loss of good": mean(good),
        "loss of bad": mean(bad),
        "separation": round(wins / (len(good) * len(bad)), 4) if good and bad else None,
        "pairs won": round(sum(pairs) / len(pairs), 4) if pairs else None,
        "loss by reason": {reason: mean(values) for reason, values in sorted(reasons.items())},
    }


def to_dataset(labelled: Sequence[Labelled], tokenizer: Any, max_length: int) -> Dataset:
    """TRL's columns; a prompt that is too long loses the oldest exchanges after the system message."""
    from datasets import Dataset

    rows = []
    for reply in labelled:
        messages = reply.messages
        answer = {"role": "assistant", "content": reply.reply}
        while len(tokenizer.apply_chat_template([*messages, answer], return_dict=True)["input_ids"]) > max_length:
            if len(messages) <= 2:
                break
            del messages[1]
        else:
            rows.append({"prompt": messages, "completion": [answer], "label": reply.good})
    if not rows:
        raise TrainingError(f"no reply fits into {max_length} tokens; take a larger --max-length")
    return Dataset.from_list(rows)


def train(recipe: Recipe, labelled: Sequence[Labelled], out: Path, device: str, evaluate_every: int) -> dict[str, Any]:
    """Trains, saves the adapter, and returns the report with the figures before and after."""
    import torch
    from trl import KTOConfig, KTOTrainer

    kept, held = split(labelled)
    # TRL goes through them in order, and measures the KL term on each reply with its neighbour's prompt.
    random.Random(recipe.seed).shuffle(kept)
    if device == "cpu":
        keep_large_blocks()
    base, tokenizer = load_base(recipe.base, device)
    model = load_adapter(base, Path(recipe.start), recipe.base)
    torch.manual_seed(recipe.seed)
    before = measure(held, reply_loss(model, tokenizer, held, recipe.max_length))
    desirable, undesirable = weights(kept)
    training = to_dataset(kept, tokenizer, recipe.max_length)
    steps = max(1, math.ceil(len(training) * recipe.epochs / recipe.batch))
    every = evaluate_every or max(10, steps // 5)
    out.mkdir(parents=True, exist_ok=True)
    trainer = KTOTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=training,
        eval_dataset=to_dataset(held, tokenizer, recipe.max_length),
        args=KTOConfig(
            output_dir=str(out / "checkpoints"), beta=recipe.beta, desirable_weight=desirable,
            undesirable_weight=undesirable, max_length=recipe.max_length, num_train_epochs=recipe.epochs,
            per_device_train_batch_size=recipe.batch, per_device_eval_batch_size=recipe.batch,
            learning_rate=recipe.learning_rate, lr_scheduler_type="cosine", warmup_steps=max(1, steps // 10),
            weight_decay=0.0, max_grad_norm=1.0, bf16=True, use_cpu=device == "cpu", gradient_checkpointing=False,
            logging_steps=5, eval_strategy="steps", eval_steps=every, save_strategy="steps", save_steps=every,
            save_total_limit=2, load_best_model_at_end=True, metric_for_best_model="eval_loss", report_to=[],
            seed=recipe.seed,
        ),
    )  # fmt: skip
    began = time.monotonic()
    interrupted = run(trainer, out, asdict(recipe), device, keep_best=True)
    history = trainer.state.log_history
    trainer.model.set_adapter("default")
    after = measure(held, reply_loss(trainer.model, tokenizer, held, recipe.max_length))
    report = {
        "recipe": asdict(recipe)
        | {"base": Path(recipe.base).name if Path(recipe.base).is_dir() else recipe.base, "start": Path(recipe.start).name},
        "trained": dict(Counter("good" if reply.good else "bad" for reply in kept)),
        "weights": {"good": round(desirable, 4), "bad": round(undesirable, 4)},
        "held_out": {"before": before, "after": after},
        "steps": trainer.state.global_step,
        "interrupted": interrupted,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "device": device,
    }  # fmt: skip
    save_adapter(trainer.model, out, recipe.base, history, report)
    plot(history, out / "curve.png", {"loss": "training", "eval_loss": "held out"}, "KTO loss")
    return report


def show(report: dict[str, Any]) -> None:
    """Prints before and after side by side."""
    from rich.console import Console
    from rich.table import Table

    before, after = report["held_out"]["before"], report["held_out"]["after"]
    table = Table("held-out replies", "before", "after", title="loss in nats per token; lower is likelier")
    for key in before:
        if key != "loss by reason":
            table.add_row(key, str(before[key]), str(after[key]))
    for reason, loss in before["loss by reason"].items():
        table.add_row(f"  bad: {reason}", str(loss), str(after["loss by reason"].get(reason)))
    Console().print(table)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.kto", description=__doc__.split("\n")[0])
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--preferences", type=Path, default=WRITTEN, help="file or folder of labelled replies (default: our own)"
    )
    source.add_argument(
        "--from-feedback", default="", metavar="DATABASE", help="SQLite file or URL of a server's database"
    )
    parser.add_argument("--account", default=None, help="with --from-feedback: only what this account marked")
    parser.add_argument("--least", type=int, default=10, help="good and bad replies that must be there, each")
    parser.add_argument("--base", default=str(BUNDLED_BASE), help="folder or hub id (default: the bundled base)")
    parser.add_argument(
        "--start",
        default=str(BUNDLED_ADAPTER),
        help="adapter to begin with, and the reference (default: the bundled one)",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the adapter")
    parser.add_argument("--beta", type=float, default=0.1, help="how dearly straying from the reference is paid for")
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=8, help="replies per step; at least 2")
    parser.add_argument("--max-length", type=int, default=1024, help="tokens of prompt and reply")
    parser.add_argument("--evaluate-every", type=int, default=0, help="steps between measurements (default: a fifth)")
    parser.add_argument("--device", default="", help="cpu or cuda (default: cuda when there is one)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all cores)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)

    import torch

    from character.card import builtin_card

    try:
        if options.batch < 2:
            raise TrainingError("--batch: at least 2, since KTO compares replies with those of other prompts")
        device = choose_device(options.device)
        if options.threads:
            torch.set_num_threads(options.threads)
        if options.from_feedback:
            labelled = from_feedback(options.from_feedback, account=options.account)
        else:
            labelled = load_labelled(options.preferences, builtin_card(), options.seed)
        check_enough(labelled, max(1, options.least))
        recipe = Recipe(
            options.base, options.start, options.beta, options.learning_rate, options.epochs, options.batch,
            options.max_length, options.seed,
        )  # fmt: skip
        report = train(recipe, labelled, options.out, device, options.evaluate_every)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    show(report)
    print(json.dumps({key: report[key] for key in ("trained", "weights", "steps", "minutes")}, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
