"""What the commands that train LoRA adapters share: loading a base, stopping, curves, saving."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.errors import TrainingError

BUNDLED = Path(__file__).parent.parent / "character" / "bundled"
BUNDLED_BASE = BUNDLED / "base"
BUNDLED_ADAPTER = BUNDLED / "adapter"


def choose_device(asked: str) -> str:
    """``cpu`` or ``cuda``; empty takes the GPU where there is one.

    Raises:
        TrainingError: CUDA was asked for and is not there.
    """
    import torch

    if asked not in ("", "cpu", "cuda"):
        raise TrainingError(f"--device {asked}: take cpu or cuda")
    if asked == "cuda" and not torch.cuda.is_available():
        raise TrainingError("--device cuda: this machine has no CUDA device; leave --device out to train on the CPU")
    return asked or ("cuda" if torch.cuda.is_available() else "cpu")


def has_unsloth() -> bool:
    """Whether the ``gpu`` extra is installed and has a GPU to work with."""
    import importlib.util

    import torch

    return torch.cuda.is_available() and importlib.util.find_spec("unsloth") is not None


def load_base(base: str, device: str, *, four_bit: bool = False) -> tuple[Any, Any]:
    """Model and tokenizer of a folder or hub id; frozen 4-bit weights (QLoRA, Dettmers et al. 2023) if asked for.

    Raises:
        TrainingError: it cannot be loaded, has no chat template, or 4 bits are asked for without CUDA and bitsandbytes.
    """
    import importlib.util

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    local = Path(base).is_dir()
    settings: dict[str, Any] = {"dtype": torch.bfloat16 if device == "cuda" else torch.float32}
    if four_bit:
        if device != "cuda" or importlib.util.find_spec("bitsandbytes") is None:
            raise TrainingError("--four-bit needs a CUDA device and the gpu extra (pip install 'ohlora[gpu]')")
        from transformers import BitsAndBytesConfig

        settings["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=local)
        model = AutoModelForCausalLM.from_pretrained(base, local_files_only=local, **settings)
    except (OSError, ValueError) as error:
        raise TrainingError(f"base {base} cannot be loaded: {str(error).splitlines()[0]}") from None
    if not four_bit:
        model = model.to(device)
    return model, checked_tokenizer(tokenizer, base)


def load_unsloth(
    base: str, *, four_bit: bool, max_length: int, rank: int, alpha: int, dropout: float, seed: int
) -> Any:
    """Base and tokenizer through unsloth, whose kernels train LoRA about twice as fast; LoRA is already in the model.

    Raises:
        TrainingError: unsloth cannot load this base.
    """
    from unsloth import FastLanguageModel  # before transformers, as it asks

    try:
        model, tokenizer = FastLanguageModel.from_pretrained(
            model_name=base, max_seq_length=max_length, load_in_4bit=four_bit, dtype=None
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise TrainingError(
            f"unsloth cannot load base {base}: {str(error).splitlines()[0]}; try --no-unsloth"
        ) from None
    model = FastLanguageModel.get_peft_model(
        model, r=rank, lora_alpha=alpha, lora_dropout=dropout, bias="none", random_state=seed,
        use_gradient_checkpointing="unsloth",
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    )  # fmt: skip
    return model, checked_tokenizer(tokenizer, base)


def checked_tokenizer(tokenizer: Any, base: str) -> Any:
    """The tokenizer, with a token to pad with.

    Raises:
        TrainingError: it has no chat template.
    """
    if not tokenizer.chat_template:
        raise TrainingError(f"base {base} has no chat template; take an instruction-tuned model")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_adapter(model: Any, folder: Path, base: str) -> Any:
    """The model with a LoRA adapter in it that can be trained on.

    Raises:
        TrainingError: the folder holds no adapter, or one for another model.
    """
    from peft import PeftModel

    if not (folder / "adapter_config.json").is_file():
        raise TrainingError(f"{folder} is not a LoRA adapter: it has no adapter_config.json")
    try:
        adapted = PeftModel.from_pretrained(model, str(folder), is_trainable=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise TrainingError(f"adapter {folder} does not fit base {base}: {str(error).splitlines()[0]}") from None
    # Where peft looks when it saves; the name an adapter was trained under may be a stranger's on the hub.
    adapted.peft_config["default"].base_model_name_or_path = base
    return adapted


def stop_on_signals() -> None:
    """Lets SIGTERM stop training the way Ctrl-C does: what was learnt is kept."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def last_checkpoint(out: Path, recipe: dict[str, Any]) -> str | None:
    """The checkpoint that a killed run of the same recipe left in ``out``; None for a fresh start.

    Raises:
        TrainingError: what lies there is of another recipe.
    """
    from transformers.trainer_utils import get_last_checkpoint

    folder, note = out / "checkpoints", out / "checkpoints" / "recipe.json"
    if note.is_file() and json.loads(note.read_text(encoding="utf-8")) != recipe:
        raise TrainingError(
            f"{out} holds an unfinished run with other settings; name another --out, or delete {folder} to begin anew"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_json(note, recipe)
    return get_last_checkpoint(str(folder))


def run(trainer: Any, out: Path, recipe: dict[str, Any], device: str, keep_best: bool) -> bool:
    """Trains to the end, or until Ctrl-C or SIGTERM; goes on where a killed run of the same recipe stood.

    Returns:
        Whether it was interrupted; the model then holds the best adapter so far, or what was learnt so far.

    Raises:
        TrainingError: another recipe's run lies in ``out``, or checkpoints cannot be written.
    """
    from safetensors import SafetensorError

    checkpoint = last_checkpoint(out, recipe)
    if checkpoint:
        print(f"going on from {checkpoint}", file=sys.stderr)
    stop_on_signals()
    try:
        trainer.train(resume_from_checkpoint=checkpoint)
    except KeyboardInterrupt:
        best = keep_best and best_so_far(trainer, device)
        kept = "the best adapter so far" if best else "what was learnt so far"
        print(f"\ninterrupted; keeping {kept}. The same command goes on from the last checkpoint.", file=sys.stderr)
        return True
    except (OSError, SafetensorError) as error:
        print(file=sys.stderr)  # below the progress bar
        raise TrainingError(f"{out} cannot be written: {str(error).splitlines()[0]}") from None
    except RuntimeError as error:
        if "writ" in str(error).lower():  # as PyTorch says that the disk is full
            print(file=sys.stderr)
            raise TrainingError(f"{out} cannot be written: {str(error).splitlines()[0]}") from None
        raise
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    return False


def best_so_far(trainer: Any, device: str) -> bool:
    """Puts the best measured checkpoint's adapter into the trainer's model; False if there is none."""
    from peft import load_peft_weights, set_peft_model_state_dict

    best = trainer.state.best_model_checkpoint
    if best is None:
        return False
    set_peft_model_state_dict(trainer.model, load_peft_weights(best, device=device))
    return True


def plot(history: Sequence[dict[str, Any]], path: Path, curves: dict[str, str], label: str) -> None:
    """Curves over steps as PNG; ``curves`` gives the key of each and its name."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    for key, name in curves.items():
        points = [(row["step"], row[key]) for row in history if key in row]
        if points:
            axes.plot(*zip(*points, strict=True), label=name)
    axes.set(xlabel="step", ylabel=label)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def save_adapter(model: Any, out: Path, base: str, history: Sequence[dict[str, Any]], report: dict[str, Any]) -> None:
    """Writes adapter, curve and report into ``out``, which changes only when all is written.

    Raises:
        TrainingError: it cannot be written, for instance because the disk is full.
    """
    from safetensors import SafetensorError

    partial = out / "partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        model.save_pretrained(str(partial), save_embedding_layers=False, selected_adapters=["default"])
        if Path(base).is_dir():  # the folder's place on this machine means nothing elsewhere
            config = json.loads((partial / "adapter_config.json").read_text(encoding="utf-8"))
            config["base_model_name_or_path"] = Path(base).name
            write_json(partial / "adapter_config.json", config)
        (partial / "README.md").unlink(missing_ok=True)  # peft's blank model card
        (partial / "curve.jsonl").write_text("".join(json.dumps(row) + "\n" for row in history), encoding="utf-8")
        write_json(partial / "report.json", report)
        for file in sorted(partial.iterdir()):
            os.replace(file, out / file.name)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{out} cannot be written: {str(error).splitlines()[0]}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
