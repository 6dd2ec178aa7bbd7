"""Pretrains the bundled language model from scratch: tokenizer, packed tokens, a small Llama.

    python -m training.pretrain --data FOLDER --out runs/base --preset cpu

Everything the run needs to go on stands in ``--out``: the tokenizer, the tokenised text, and a checkpoint written
every few minutes and on Ctrl-C. The same command resumes. The learning rate stays level and falls over the last
part of the budget (warm-up, stable, decay: Hu et al. 2024, MiniCPM), so that a run can be prolonged from its checkpoint.
Matrices inside the blocks are trained with Muon (Jordan et al. 2024), all else with AdamW.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.borrowed import borrowed_dialogues
from training.corpus import Document, documents
from training.dialogues import Dialogue, load_dialogues
from training.errors import TrainingError
from training.memory import keep_large_blocks

if TYPE_CHECKING:
    import numpy as np
    import torch


@dataclass(frozen=True)
class Preset:
    """Shape and schedule. ``mix`` gives the share of the tokens drawn from each kind of text; a kind repeats as needed."""

    vocab_size: int
    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    context: int
    sequence: int
    batch: int
    tokens: int
    mix: dict[str, float]
    limits: dict[str, int]


PRESETS = {
    # A proof that fits a test: seconds on one core.
    "tiny": Preset(1024, 32, 2, 2, 64, 256, 64, 4, 4_096, {"persona": 0.5, "talk": 0.5}, {"review": 100_000, "encyclopaedia": 100_000}),
    # Two cores, two or three hours: talk before knowledge.
    "cpu": Preset(
        8192, 320, 8, 5, 864, 1536, 512, 16, 40_000_000,
        {"persona": 0.15, "talk": 0.2, "review": 0.38, "utterance": 0.12, "encyclopaedia": 0.1, "petition": 0.04, "fiction": 0.01},
        {"encyclopaedia": 20_000_000},
    ),
    # One H200 for 25 minutes: 35 M parameters and the full mix.
    "gpu": Preset(
        16384, 512, 8, 8, 1408, 2048, 1024, 192, 3_000_000_000,
        {"persona": 0.05, "talk": 0.06, "review": 0.22, "utterance": 0.04, "encyclopaedia": 0.58, "petition": 0.04, "fiction": 0.01},
        {},
    ),
}  # fmt: skip

HELD_OUT_DOCUMENTS = 200


def chat(document: Document) -> list[dict[str, str]]:
    return [{"role": "assistant" if i % 2 else "user", "content": turn} for i, turn in enumerate(document.turns)]


def persona_chat(dialogue: Dialogue) -> list[dict[str, str]]:
    messages = []
    for exchange in dialogue.exchanges:
        messages.append({"role": "user", "content": exchange.user})
        messages.append({"role": "assistant", "content": exchange.reply.tagged})
    return messages


def plain(document: Document) -> str:
    return document.text or "\n".join(document.turns)


def prepare(data: Path, persona: Path, out: Path, preset: Preset) -> None:
    """Trains the tokenizer and writes ``tokens/KIND.train.npy`` and ``KIND.held.npy`` (flat uint16) into ``out``.

    A tokenizer that is there already is kept, so that a run can go on with more data.
    """
    import numpy as np
    from tqdm import tqdm
    from transformers import PreTrainedTokenizerFast

    from training.tokenizer import BOS, END, save_tokenizer, train_tokenizer

    by_kind: dict[str, list[Document]] = {}
    for document in tqdm(documents(data, preset.limits), desc="reading", unit=" documents"):
        by_kind.setdefault(document.kind, []).append(document)
    talks = [dialogue for dialogue in load_dialogues(persona) if not dialogue.held_out]
    if not (out / "tokenizer.json").exists():
        shares = {"encyclopaedia": 6_000_000, "review": 12_000_000}
        texts = [line for dialogue in talks for e in dialogue.exchanges for line in (e.user, e.reply.text)] * 8
        for kind, found in by_kind.items():
            left = shares.get(kind, 6_000_000)
            for document in found:
                texts.append(" " + plain(document))
                left -= document.characters
                if left < 0:
                    break
        save_tokenizer(train_tokenizer(texts, preset.vocab_size, preset.context), out)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(str(out))

    folder = out / "tokens.partial"  # it becomes "tokens" when it is whole
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()

    def write(name: str, texts: list[str]) -> None:
        ids: list[int] = []
        for start in tqdm(range(0, len(texts), 2000), desc=name, unit_scale=2000, unit=" documents"):
            for row in tokenizer(texts[start : start + 2000], add_special_tokens=False)["input_ids"]:
                ids += row
        np.save(folder / f"{name}.npy", np.array(ids, dtype=np.uint16))

    for kind, found in by_kind.items():
        random.Random(0).shuffle(found)
        texts = [
            tokenizer.apply_chat_template(chat(d), tokenize=False) if d.turns else f"{BOS} {d.text}{END}" for d in found
        ]
        held = min(HELD_OUT_DOCUMENTS, len(texts) // 20)
        write(f"{kind}.held", texts[:held])
        write(f"{kind}.train", texts[held:])
    everyone = load_dialogues(persona)
    sets = {"persona": everyone, "borrowed": borrowed_dialogues(data)}
    for name, told in sets.items():
        # The borrowed answers stand among the public talk as well, in their polite form: to hold some out means nothing.
        for part in ("held", "train") if name == "persona" else ("train",):
            chosen = [d for d in told if name == "borrowed" or d.held_out == (part == "held")]
            write(f"{name}.{part}", [tokenizer.apply_chat_template(persona_chat(d), tokenize=False) for d in chosen])
    write(
        "chat.train",
        [tokenizer.apply_chat_template(messages, tokenize=False) for messages in served_chats(talks, sets)],
    )
    shutil.rmtree(out / "tokens", ignore_errors=True)
    folder.rename(out / "tokens")


def served_chats(talks: list[Dialogue], sets: dict[str, list[Dialogue]]) -> list[list[dict[str, str]]]:
    """Chats as the server would show them, for the last part of the training: her talk, borrowed answers, tasks.

    Two renderings of every written dialogue, with the card's system message, hours, memories and lore, and every example of
    a task twice. Nothing that is held out is among them.
    """
    from character.card import builtin_card
    from training.sft import variations
    from training.tasks import load_tasks

    card = builtin_card()
    borrowed = sets["borrowed"]
    chats = variations(talks, card, 2, 0) + variations(
        random.Random(0).sample(borrowed, min(3000, len(borrowed))), card, 1, 1
    )
    chats += [task.messages for task in load_tasks() if not task.held_out] * 2
    random.Random(0).shuffle(chats)
    return chats


def load_tokens(out: Path, part: str) -> dict[str, np.ndarray]:
    import numpy as np

    arrays = {
        path.name.split(".")[0]: np.load(path, mmap_mode="r") for path in sorted((out / "tokens").glob(f"*.{part}.npy"))
    }
    return {kind: array for kind, array in arrays.items() if len(array) > 0}


def sample_batch(
    tokens: dict[str, np.ndarray], mix: dict[str, float], rows: int, length: int, rng: np.random.Generator
) -> torch.Tensor:
    """Draws ``[rows, length + 1]`` token ids; each row is a window at a random place of one kind of text."""
    import numpy as np
    import torch

    kinds = [kind for kind in mix if kind in tokens and len(tokens[kind]) > length + 1]
    if not kinds:
        raise TrainingError(
            f"no kind of text is long enough for windows of {length} tokens; take a smaller --sequence or more data"
        )
    weights = np.array([mix[kind] for kind in kinds])
    out = np.empty((rows, length + 1), dtype=np.int64)
    for row in range(rows):
        array = tokens[kinds[rng.choice(len(kinds), p=weights / weights.sum())]]
        start = rng.integers(0, len(array) - length - 1)
        out[row] = array[start : start + length + 1]
    return torch.from_numpy(out)


def build_model(preset: Preset, vocab_size: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=preset.hidden_size,
            num_hidden_layers=preset.layers,
            num_attention_heads=preset.heads,
            num_key_value_heads=preset.heads,
            intermediate_size=preset.intermediate_size,
            max_position_embeddings=preset.context,
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


def build_optimizers(model: Any, device: str) -> list[tuple[torch.optim.Optimizer, float]]:
    """Muon for the matrices of the blocks, AdamW for embeddings and norms; each with its peak learning rate."""
    import torch

    matrices = [
        p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name and "lm_head" not in name
    ]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return [
        (torch.optim.Muon(matrices, lr=4e-3, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"), 4e-3),
        (torch.optim.AdamW(others, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.0, fused=True), 3e-3),
    ]


def learning_rate_factor(progress: float, step: int, warmup: int = 100, decay: float = 0.3) -> float:
    """1 in the stable phase; rises over ``warmup`` steps, falls to zero as 1 − √ over the last ``decay`` of the budget."""
    rise = min(1.0, (step + 1) / warmup)
    fall = 1.0 if progress < 1 - decay else 1 - math.sqrt(min(1.0, (progress - (1 - decay)) / decay))
    return rise * max(fall, 0.02)


def held_out_loss(
    model: Any, tokens: dict[str, np.ndarray], length: int, device: str, rows: int = 16
) -> dict[str, float]:
    """Mean next-token loss in nats per kind of text, on the first ``rows`` windows of its held-out part."""
    import torch
    import torch.nn.functional as F

    losses = {}
    model.eval()
    with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16):
        for kind, array in tokens.items():
            count = min(rows, (len(array) - 1) // length)
            if count < 1:
                continue
            window = torch.stack(
                [torch.from_numpy(array[i * length : i * length + length + 1].astype("int64")) for i in range(count)]
            )
            window = window.to(device)
            logits = model(input_ids=window[:, :-1]).logits.float()
            losses[kind] = F.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten()).item()
    model.train()
    return losses


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes beside and renames, so that a kill leaves the last checkpoint whole."""
    import torch

    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def cut_curve(path: Path, step: int) -> None:
    """Drops what a killed run wrote after its last checkpoint: it will be written again."""
    if path.exists():
        rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(row for row in rows if json.loads(row)["step"] <= step), encoding="utf-8")


def train(
    out: Path,
    preset: Preset,
    *,
    device: str,
    minutes: float,
    compile_model: bool,
    seed: int,
    decay: float,
    checkpoint_minutes: float,
    window: int,
) -> None:
    """Trains until the token budget, or ``minutes`` of work over all runs, is spent; saves the model into ``out``.

    Held-out losses are taken on windows of ``window`` tokens, however long the trained rows are.
    """
    import numpy as np
    import torch
    import torch.nn.functional as F
    from tqdm import tqdm
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast.from_pretrained(str(out))
    training, held = load_tokens(out, "train"), load_tokens(out, "held")
    torch.manual_seed(seed)
    model = build_model(preset, len(tokenizer)).to(device)
    if device == "cpu":
        keep_large_blocks()
        model.set_attn_implementation("eager")  # its backward pass on a CPU is faster than the fused one's
    optimizers = build_optimizers(model, device)
    checkpoint, step, done, spent = out / "checkpoint.pt", 0, 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        for (optimizer, _), saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        step, done, spent = state["step"], state["tokens"], state["seconds"]
        print(f"resuming at step {step}, {done / 1e6:.1f} M tokens, {spent / 60:.0f} minutes")
    cut_curve(out / "curve.jsonl", step)

    def loss_of(window: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device, dtype=torch.bfloat16):
            hidden = model.model(input_ids=window[:, :-1]).last_hidden_state
            logits = model.lm_head(hidden)
        return F.cross_entropy(logits.flatten(0, 1).float(), window[:, 1:].flatten())

    step_loss = torch.compile(loss_of) if compile_model else loss_of

    def save(seconds: float) -> None:
        save_checkpoint(
            checkpoint,
            {
                "model": model.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer, _ in optimizers],
                "step": step,
                "tokens": done,
                "seconds": seconds,
            },
        )
        model.save_pretrained(str(out))

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both ways of asking it to stop save what it has
    signal.signal(signal.SIGINT, signal.default_int_handler)
    began = last_saved = time.monotonic()
    progress = 0.0
    curve = (out / "curve.jsonl").open("a", encoding="utf-8")
    bar = tqdm(total=preset.tokens, initial=done, unit=" tokens", unit_scale=True, desc="pretraining")
    try:
        while True:
            now = spent + time.monotonic() - began
            progress = max(done / preset.tokens, now / (60 * minutes) if minutes else 0.0)
            if progress >= 1:
                break
            factor = learning_rate_factor(progress, step, decay=decay)
            for optimizer, peak in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = peak * factor
            batch = sample_batch(
                training, preset.mix, preset.batch, preset.sequence, np.random.default_rng((seed, step))
            )
            loss = step_loss(batch.to(device))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer, _ in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            step, done = step + 1, done + preset.batch * preset.sequence
            bar.update(preset.batch * preset.sequence)
            if step % 250 == 0:
                losses = held_out_loss(model, held, window, device)
                record = {"step": step, "tokens": done, "minutes": round(now / 60, 1), "train": round(loss.item(), 4)}
                curve.write(
                    json.dumps(record | {f"held/{k}": round(v, 4) for k, v in losses.items()}, ensure_ascii=False)
                    + "\n"
                )
                curve.flush()
                bar.set_postfix(
                    loss=f"{loss.item():.3f}",
                    talk=f"{losses.get('talk', math.nan):.3f}",
                    persona=f"{losses.get('persona', math.nan):.3f}",
                )
            if time.monotonic() - last_saved > 60 * checkpoint_minutes:
                save(now)
                last_saved = time.monotonic()
    except KeyboardInterrupt:
        print("\ninterrupted; saving what it has. The same command goes on from here.", file=sys.stderr)
    finally:
        bar.close()
        curve.close()
    save(spent + time.monotonic() - began)
    losses = held_out_loss(model, held, window, device, rows=64)
    report = {
        "preset": asdict(preset),
        "steps": step,
        "tokens": done,
        "minutes": round((spent + time.monotonic() - began) / 60),
        "device": device if device != "cpu" else f"CPU, {torch.get_num_threads()} threads",
        "seed": seed,
        "held_out_perplexity": {k: round(math.exp(v), 2) for k, v in losses.items()},
    }
    (out / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report["held_out_perplexity"], ensure_ascii=False))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.pretrain", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the public text sets (docs/data.md)")
    parser.add_argument(
        "--persona", type=Path, default=None, help="written dialogues to mix in (default: training/data/persona)"
    )
    parser.add_argument("--out", type=Path, required=True, help="run folder: tokenizer, tokens, checkpoint, model")
    parser.add_argument("--preset", choices=PRESETS, default="cpu", help="shape and schedule (default: cpu)")
    parser.add_argument("--mix", default="", help="shares that replace the preset's, e.g. persona=0.4,talk=0.2")
    parser.add_argument("--tokens", type=int, default=0, help="token budget (default: the preset's)")
    parser.add_argument("--sequence", type=int, default=0, help="tokens per row (default: the preset's)")
    parser.add_argument("--batch", type=int, default=0, help="rows per step (default: the preset's)")
    parser.add_argument(
        "--minutes",
        type=float,
        default=0,
        help="time budget over all runs; the schedule ends at whichever budget ends first",
    )
    parser.add_argument(
        "--decay", type=float, default=0.3, help="last part of the budget over which the learning rate falls"
    )
    parser.add_argument("--prepare-only", action="store_true", help="write tokenizer and tokens, then stop")
    parser.add_argument(
        "--prepare",
        action="store_true",
        help="tokenise again even if tokens are there (new data; the tokenizer is kept)",
    )
    parser.add_argument("--device", default="", help="cpu or cuda (default: cuda when there is one)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all cores)")
    parser.add_argument("--no-compile", action="store_true", help="do not compile the training step")
    parser.add_argument("--checkpoint-minutes", type=float, default=5, help="minutes between checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)

    import torch

    from training.dialogues import WRITTEN

    try:
        for name in ("tokens", "sequence", "batch"):
            if getattr(options, name) < 0:
                raise TrainingError(f"--{name} {getattr(options, name)}: must be more than 0")
        overrides: dict[str, Any] = {k: v for k in ("tokens", "sequence", "batch") if (v := getattr(options, k))}
        if options.mix:
            try:
                overrides["mix"] = {
                    kind: float(share) for kind, share in (part.split("=") for part in options.mix.split(","))
                }
            except ValueError:
                raise TrainingError(f"--mix {options.mix!r}: write kind=share, separated by commas") from None
            shares = overrides["mix"].values()
            if min(shares) < 0 or not 0 < sum(shares) < math.inf:
                raise TrainingError(f"--mix {options.mix!r}: shares are 0 or more, and one of them is more")
        preset = Preset(**{**asdict(PRESETS[options.preset]), **overrides})
        device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise TrainingError(
                "--device cuda: this machine has no CUDA device; leave --device out to train on the CPU"
            )
        if options.threads:
            torch.set_num_threads(options.threads)
        options.out.mkdir(parents=True, exist_ok=True)
        if options.prepare or not (options.out / "tokens").exists():
            prepare(options.data, options.persona or WRITTEN, options.out, preset)
        if not options.prepare_only:
            train(
                options.out, preset, device=device, minutes=options.minutes, compile_model=not options.no_compile,
                seed=options.seed, decay=options.decay, checkpoint_minutes=options.checkpoint_minutes,
                window=PRESETS[options.preset].sequence,
            )  # fmt: skip
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
