"""Merges a LoRA adapter into its base: one model folder, for programs that take no adapters.

    python -m training.merge --adapter runs/mine --out runs/merged

The folder holds model and tokenizer in the format of transformers: vLLM, Ollama and llama.cpp's GGUF converter read it. The
server itself never merges: it keeps adapters beside the base, so that they can be swapped.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from training.errors import TrainingError
from training.lora import BUNDLED_ADAPTER, BUNDLED_BASE, load_adapter, load_base


def merge(base: str, adapter: Path, out: Path, dtype: str = "float32") -> int:
    """Writes W + scaling · B A for every adapted matrix; returns the number of parameters.

    Args:
        out: must not exist yet; it appears when all is written.
        dtype: number format of the merged weights.

    Raises:
        TrainingError: base or adapter cannot be used, or ``out`` cannot be written.
    """
    import torch
    from safetensors import SafetensorError

    if out.exists():
        raise TrainingError(f"{out} exists already; name a new folder")
    model, tokenizer = load_base(base, "cpu")
    merged = load_adapter(model, adapter, base).merge_and_unload(safe_merge=True).to(getattr(torch, dtype))
    partial = out.with_name(out.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        merged.save_pretrained(str(partial))
        tokenizer.save_pretrained(str(partial))
        partial.rename(out)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise TrainingError(f"{out} cannot be written: {str(error).splitlines()[0]}") from None
    return int(merged.num_parameters())


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.merge", description=__doc__.split("\n")[0])
    parser.add_argument("--base", default=str(BUNDLED_BASE), help="folder or hub id (default: the bundled base)")
    parser.add_argument("--adapter", type=Path, default=BUNDLED_ADAPTER, help="default: the bundled adapter")
    parser.add_argument("--out", type=Path, required=True, help="new folder for the merged model")
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16", "float16"), default="bfloat16", help="default: bfloat16"
    )
    options = parser.parse_args(argv)
    try:
        count = merge(options.base, options.adapter, options.out, options.dtype)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{options.out}: {count / 1e6:.1f} M parameters in {options.dtype}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
