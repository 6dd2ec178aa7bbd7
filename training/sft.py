"""Supervised fine-tuning: teaches a causal language model to talk as a character, as a LoRA adapter.

    python -m training.sft --out runs/adapter                        # the bundled base, our own dialogues
    python -m training.sft --dialogues my_talk.txt --out runs/mine   # your own dialogues (training/data/FORMAT.md)
    python -m training.sft --base HUB_ID_OR_FOLDER --out runs/big    # another base model

TRL's `SFTTrainer` with peft's LoRA; the loss counts only what she says, through the base's own chat template. Every
dialogue is shown to the model as the server would show it: the card's system message, the hour, memories and lore as notes.
A tenth of the dialogues is held out; training stops early when their loss rises. Ctrl-C keeps the best adapter so far.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from character.card import Card, builtin_card
from character.prompt import TurnContext, greeting, system_message, turn_note
from training.borrowed import borrowed_dialogues
from training.dialogues import WRITTEN, Dialogue, load_dialogues
from training.errors import TrainingError
from training.lora import (
    BUNDLED_ADAPTER,
    BUNDLED_BASE,
    choose_device,
    has_unsloth,
    load_adapter,
    load_base,
    load_unsloth,
    plot,
    run,
    save_adapter,
)
from training.memory import keep_large_blocks
from training.tasks import WRITTEN as WRITTEN_TASKS
from training.tasks import Task, load_tasks

if TYPE_CHECKING:
    from datasets import Dataset

WEEKDAYS = "월화수목금토일"
FEW = 360
"""Chats that a few dialogues are shown as; measured with 31 replies on the bundled base."""
Message = dict[str, str]


@dataclass(frozen=True)
class Recipe:
    """What is trained and how; saved beside the adapter.

    Attributes:
        base: folder or hub id of the base model.
        start: folder of the adapter to go on from; empty begins a new one of ``rank`` and ``alpha``.
        passes: renderings of every dialogue. task_passes: times every example of a task is shown.
    """

    base: str
    start: str
    rank: int
    alpha: int
    dropout: float
    learning_rate: float
    passes: int
    task_passes: int
    batch: int
    max_length: int
    seed: int
    four_bit: bool = False
    unsloth: bool = False


def moment(now: str, rng: random.Random) -> datetime:
    """A random date that fits a written time such as ``금요일 밤 10시``; any time where none is written."""
    day = datetime(2025, 1, 6) + timedelta(weeks=rng.randrange(150))  # a Monday
    if not now:
        return day + timedelta(days=rng.randrange(7), hours=rng.randrange(24))
    weekday, part, hour = now.split()[:3]
    number = int(hour.removesuffix("시")) % 12
    if part in ("낮", "오후", "저녁", "밤") and not (part == "밤" and number == 0):
        number += 12
    return day + timedelta(days=WEEKDAYS.index(weekday[0]), hours=number)


def render(dialogues: Sequence[Dialogue], card: Card, rng: random.Random, *, with_greeting: bool) -> list[Message]:
    """One chat of one or more dialogues, with the notes the server would write into it."""
    first = dialogues[0]
    context = TurnContext(now=moment(first.now, rng), user_name=first.user_name)
    messages = [{"role": "system", "content": system_message(card, context)}]
    if with_greeting:
        index = rng.randrange(len(card.greetings))
        messages.append({"role": "assistant", "content": greeting(card, index, context)})
    for dialogue in dialogues:
        for exchange in dialogue.exchanges:
            notices = ["상대가 존댓말을 부탁했다."] if dialogue.polite and exchange is dialogue.exchanges[0] else []
            lore = (
                [hit.entry.content for hit in card.lorebook.scan([exchange.user], len).hits][:2]
                if rng.random() < 0.7
                else []
            )
            note = turn_note(memories=exchange.memories, lore=lore, notices=notices)
            if note:
                messages.append({"role": "system", "content": note})
            messages.append({"role": "user", "content": typed(exchange.user, rng)})
            messages.append({"role": "assistant", "content": exchange.reply.tagged})
    return messages


def typed(text: str, rng: random.Random) -> str:
    """A user's line as it might as well have been typed: now and then without a space or its full stop, or with ㅋㅋ."""
    if rng.random() < 0.7:
        return text
    spaces = [index for index, character in enumerate(text) if character == " "]
    if spaces and rng.random() < 0.6:
        index = rng.choice(spaces)
        text = text[:index] + text[index + 1 :]
    if text.endswith("."):
        return text[:-1]
    if text[-1:].isalpha() and rng.random() < 0.3:
        return text + rng.choice((" ㅋㅋ", "ㅎㅎ", "~", "!", ".."))
    return text


def can_follow(dialogue: Dialogue) -> bool:
    """Whether a dialogue may come after another in one chat: nobody is introduced, nothing is fixed beforehand."""
    return not (dialogue.user_name or dialogue.polite)


def variations(dialogues: list[Dialogue], card: Card, passes: int, seed: int) -> list[list[Message]]:
    """``passes`` renderings of every dialogue: other dates, with or without greeting, alone or after one another.

    Dialogues that follow one another in one chat teach the model to keep its manner over a long history.
    """
    rng = random.Random(seed)
    chats = []
    for _ in range(passes):
        order = rng.sample(dialogues, len(dialogues))
        while order:
            chosen = [order.pop()]
            if can_follow(chosen[0]):
                while order and len(chosen) < 5 and rng.random() < 0.6 and can_follow(order[-1]):
                    chosen.append(order.pop())
            chats.append(render(chosen, card, rng, with_greeting=rng.random() < 0.25))
    return chats


def shorten(messages: list[Message], tokenizer: Any, max_length: int) -> list[Message]:
    """Drops the last exchanges of a chat until it fits, so that no reply is cut in the middle."""
    while len(tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True)["input_ids"]) > max_length:
        if sum(message["role"] == "assistant" for message in messages) < 2:
            return []
        messages = messages[:-1]
        while messages[-1]["role"] != "assistant":
            messages = messages[:-1]
    return messages


def to_dataset(chats: list[list[Message]], tokenizer: Any, max_length: int) -> Dataset:
    from datasets import Dataset

    fitting = [short for chat in chats if (short := shorten(chat, tokenizer, max_length))]
    if not fitting:
        raise TrainingError(f"no dialogue fits into {max_length} tokens; take a larger --max-length")
    return Dataset.from_list([{"messages": messages} for messages in fitting])


def load_model(recipe: Recipe, device: str) -> tuple[Any, Any, Any]:
    """Model, tokenizer, and the LoRA configuration that the trainer must still put in (None where it is in already)."""
    from peft import LoraConfig

    if recipe.unsloth:
        return *load_unsloth(
            recipe.base, four_bit=recipe.four_bit, max_length=recipe.max_length, rank=recipe.rank, alpha=recipe.alpha,
            dropout=recipe.dropout, seed=recipe.seed,
        ), None  # fmt: skip
    model, tokenizer = load_base(recipe.base, device, four_bit=recipe.four_bit)
    if recipe.start:
        return load_adapter(model, Path(recipe.start), recipe.base), tokenizer, None
    new = LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=recipe.dropout, target_modules="all-linear",
        task_type="CAUSAL_LM",
    )  # fmt: skip
    return model, tokenizer, new


def divide(written: list[Dialogue], source: Path) -> tuple[list[Dialogue], list[Dialogue]]:
    """Training and held-out dialogues; of a few, the last is held out.

    Raises:
        TrainingError: there is but one.
    """
    held = [dialogue for dialogue in written if dialogue.held_out] or written[-1:]
    kept = [dialogue for dialogue in written if dialogue not in held]
    if not kept:
        raise TrainingError(
            f"{source} holds {len(written)} dialogue; at least two are needed, one of them to measure on"
        )
    return kept, held


def train(
    recipe: Recipe,
    dialogues: Path,
    tasks: list[Task],
    borrowed: list[Dialogue],
    out: Path,
    device: str,
    evaluate_every: int,
    patience: int,
    keep: str,
) -> dict[str, Any]:
    """Trains and saves the adapter; returns the report that stands beside it."""
    import torch
    from transformers import EarlyStoppingCallback
    from trl import SFTConfig, SFTTrainer

    kept, held = divide(load_dialogues(dialogues), dialogues)
    if device == "cpu":
        keep_large_blocks()
    card = builtin_card()
    model, tokenizer, new_adapter = load_model(recipe, device)
    torch.manual_seed(recipe.seed)
    chats = variations(kept, card, recipe.passes, recipe.seed)
    chats += variations(borrowed, card, 1, recipe.seed + 2) if borrowed else []
    chats += [task.messages for task in tasks if not task.held_out for _ in range(recipe.task_passes)]
    random.Random(recipe.seed).shuffle(chats)
    training = to_dataset(chats, tokenizer, recipe.max_length)
    measured = variations(held, card, 1, recipe.seed + 1)
    held_out = to_dataset(measured, tokenizer, recipe.max_length)
    steps = math.ceil(len(training) / recipe.batch)
    every = evaluate_every or max(10, steps // 8)
    out.mkdir(parents=True, exist_ok=True)
    trainer = SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=training,
        eval_dataset=held_out,
        peft_config=new_adapter,
        args=SFTConfig(
            output_dir=str(out / "checkpoints"), assistant_only_loss=True, max_length=recipe.max_length,
            # No logits for what the user said; on a CPU that is slower than computing them.
            loss_type="nll" if device == "cpu" else "chunked_nll",
            num_train_epochs=1, per_device_train_batch_size=recipe.batch, per_device_eval_batch_size=recipe.batch,
            learning_rate=recipe.learning_rate, lr_scheduler_type="cosine", warmup_steps=max(1, steps // 20),
            weight_decay=0.0, max_grad_norm=1.0, bf16=True, use_cpu=device == "cpu", gradient_checkpointing=False,
            logging_steps=5, eval_strategy="steps", eval_steps=every, save_strategy="steps", save_steps=every,
            save_total_limit=2, load_best_model_at_end=keep == "best", metric_for_best_model="eval_loss", report_to=[],
            seed=recipe.seed, train_sampling_strategy="group_by_length",
        ),
        callbacks=[EarlyStoppingCallback(early_stopping_patience=patience)] if keep == "best" else [],
    )  # fmt: skip
    began = time.monotonic()
    interrupted = run(trainer, out, asdict(recipe), device, keep == "best")
    history = trainer.state.log_history
    losses = [row["eval_loss"] for row in history if "eval_loss" in row]
    kept_loss = math.nan if not losses else min(losses) if keep == "best" else losses[-1]

    def name(folder: str) -> str:
        return Path(folder).name if Path(folder).is_dir() else folder

    report = {
        "recipe": asdict(recipe) | {"base": name(recipe.base), "start": name(recipe.start)},
        "dialogues": {"trained": len(kept), "held_out": len(held), "borrowed": len(borrowed)},
        "tasks": dict(Counter(task.task for task in tasks if not task.held_out)),
        "chats": len(training),
        "steps": trainer.state.global_step,
        "interrupted": interrupted,
        "held_out_loss": round(kept_loss, 4) if losses else None,
        "held_out_perplexity": round(math.exp(kept_loss), 2) if losses else None,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "device": device,
    }
    save_adapter(trainer.model, out, recipe.base, history, report)
    plot(history, out / "curve.png", {"loss": "training", "eval_loss": "held out"}, "loss (nats per token)")
    return report


def enough_passes(dialogues: int) -> int:
    """Three, and for a few dialogues so many that they make `FEW` chats; early stopping ends what is too much."""
    return max(3, FEW // max(1, dialogues))


def borrow(data: Path | None, most: int, seed: int) -> list[Dialogue]:
    """Up to ``most`` everyday answers of the public sets, drawn by chance; none without a data folder."""
    found = borrowed_dialogues(data) if data else []
    return found if len(found) <= most else random.Random(seed).sample(found, most)


def starting_point(asked: str | None, base: str, own_dialogues: bool) -> str:
    """Folder of the adapter to go on from; empty for a new one.

    A few dialogues of one's own cannot teach the bare bundled base to talk: they bend the bundled adapter.
    """
    if asked is None:
        return str(BUNDLED_ADAPTER) if own_dialogues and Path(base) == BUNDLED_BASE else ""
    return "" if asked == "none" else asked


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.sft", description=__doc__.split("\n")[0])
    parser.add_argument("--base", default=str(BUNDLED_BASE), help="folder or hub id (default: the bundled base)")
    parser.add_argument(
        "--dialogues", type=Path, default=WRITTEN, help="file or folder of dialogues (default: our own)"
    )
    parser.add_argument(
        "--tasks",
        type=Path,
        default=None,
        help="folder of task examples to train beside the talk (default: our own, with our own dialogues)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=None,
        help="folder with the public text sets (docs/data.md): their everyday answers, turned into her speech, are added",
    )
    parser.add_argument("--borrowed", type=int, default=3000, help="with --data: how many of these answers at most")
    parser.add_argument(
        "--start",
        default=None,
        help="adapter folder to go on from, or 'none' (default: the bundled adapter for your own dialogues on the bundled base)",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the adapter")
    parser.add_argument("--rank", type=int, default=32, help="LoRA rank")
    parser.add_argument("--alpha", type=int, default=64, help="LoRA alpha: the update is scaled by alpha / rank")
    parser.add_argument("--dropout", type=float, default=0.05, help="LoRA dropout")
    parser.add_argument(
        "--learning-rate", type=float, default=0, help="default: 2e-3 to bend the bundled adapter, otherwise 5e-4"
    )
    parser.add_argument(
        "--passes",
        type=int,
        default=0,
        help="renderings of every dialogue; one epoch over all of them (default: 3, and more where there are few dialogues)",
    )
    parser.add_argument("--task-passes", type=int, default=2, help="times each example of a task is shown")
    parser.add_argument(
        "--batch", type=int, default=0, help="chats per step (default: 4 to bend the bundled adapter, otherwise 8)"
    )
    parser.add_argument(
        "--max-length", type=int, default=1024, help="tokens of a chat; longer ones lose their last exchanges"
    )
    parser.add_argument("--evaluate-every", type=int, default=0, help="steps between measurements (default: an eighth)")
    parser.add_argument("--patience", type=int, default=3, help="measurements without progress before it stops")
    parser.add_argument(
        "--keep",
        choices=("best", "last"),
        default="best",
        help="the adapter with the least held-out loss, stopping early; or the last, which knows its lines better",
    )
    parser.add_argument("--device", default="", help="cpu or cuda (default: cuda when there is one)")
    parser.add_argument("--four-bit", action="store_true", help="QLoRA: the base in 4 bits; CUDA and the gpu extra")
    parser.add_argument(
        "--no-unsloth", action="store_true", help="do not use unsloth where CUDA and the gpu extra are there"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all cores)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)

    import torch

    try:
        device = choose_device(options.device)
        if options.threads:
            torch.set_num_threads(options.threads)
        own = options.dialogues != WRITTEN
        start = starting_point(options.start, options.base, own)
        bends = start == str(BUNDLED_ADAPTER)
        recipe = Recipe(
            options.base, start, options.rank, options.alpha, options.dropout,
            options.learning_rate or (2e-3 if bends else 5e-4),
            options.passes or enough_passes(len(load_dialogues(options.dialogues))), options.task_passes,
            options.batch or (4 if bends else 8),
            options.max_length, options.seed, options.four_bit,
            unsloth=device == "cuda" and not start and not options.no_unsloth and has_unsloth(),
        )  # fmt: skip
        tasks = load_tasks(options.tasks or WRITTEN_TASKS) if options.tasks or not own else []
        report = train(
            recipe,
            options.dialogues,
            tasks,
            borrow(options.data, options.borrowed, options.seed),
            options.out,
            device,
            options.evaluate_every,
            options.patience,
            options.keep,
        )
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report, ensure_ascii=False, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
