"""``python -m imagegen prompt``: shows every step from a Korean wish to the prompts."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagegen.errors import PromptError

if TYPE_CHECKING:
    from imagegen.keywords import Embed
    from imagegen.prompt import PicturePrompt
    from imagegen.translate import Translator

BUNDLED = "bundled"
BUNDLED_EMBEDDER = Path(__file__).resolve().parent.parent / "rag" / "bundled" / "embedder"
NONE = "none"
GLOSSARY = "glossary"
LENGTH = 77
"""Tokens of a CLIP chunk, start and end included."""


def add(commands: Any) -> None:
    """Adds the command to the parser's subcommands."""
    text = "turn a Korean wish into the prompts that a diffusion model takes"
    made = commands.add_parser("prompt", help=text, description=text[0].upper() + text[1:] + ".")
    made.add_argument("wish", help="what the picture shows, in Korean; English is taken as a prompt with its weights")
    made.add_argument(
        "--profile", default="auto", metavar="NAME", help="anime, photo, painting, … (default: by the wish)"
    )
    made.add_argument("--translator", default=GLOSSARY, metavar="NAME",
                      help="glossary (offline), or a folder or hub id of a ko–en model of transformers")  # fmt: skip
    made.add_argument("--embedder", default=BUNDLED, metavar="NAME",
                      help="for keywords: bundled, none (by counting), or a folder or hub id of sentence-transformers")  # fmt: skip
    made.add_argument("--tokenizer", default="", metavar="NAME",
                      help="folder or hub id of a CLIP tokenizer: counts real tokens (default: words are counted)")  # fmt: skip
    made.add_argument("--paraphrases", type=int, default=6, metavar="N", help="how many are made (default: 6)")
    made.add_argument("--json", action="store_true", help="one JSON object")
    made.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the prompts.

    Raises:
        ImagegenError: what was wrong with the wish or with a model's name.
    """
    from imagegen.prompt import find_profile, make_prompt
    from imagegen.translate import Translation

    if not 1 <= options.paraphrases <= 20:
        raise PromptError(f"--paraphrases {options.paraphrases} is not between 1 and 20")
    if not options.wish.strip():
        raise PromptError("the wish is empty: say what the picture shows")
    find_profile(options.profile, Translation("", ()))  # before a model is loaded
    tokenizer = _tokenizer(options.tokenizer) if options.tokenizer else None
    made = make_prompt(
        options.wish,
        profile=options.profile,
        translator=_translator(options.translator),
        embed=_embedder(options.embedder),
        count=options.paraphrases,
    )
    tokens = {name: token_report(getattr(made, name), tokenizer) for name in ("prompt", "prompt_2", "negative")}
    if options.json:
        print(json.dumps({**json.loads(made.to_json()), "tokens": tokens}, ensure_ascii=False, indent=2))
    else:
        _print(made, tokens)
    return 0


def token_report(prompt: str, tokenizer: Any | None) -> dict[str, Any]:
    """How many tokens each chunk holds, and what each token weighs; without a tokenizer a count of words alone."""
    from imagegen.weighting import chunk_tokens, count_words, weigh_tokens

    if tokenizer is None:
        words = count_words(prompt)
        return {"exact": False, "words": words, "chunks_at_least": max(1, -(-words // (LENGTH - 2)))}
    chunks = chunk_tokens(weigh_tokens(prompt, tokenizer), tokenizer)
    return {
        "exact": True,
        "chunks": [len(chunk.words) for chunk in chunks],
        "weights": [[(token.text, round(token.weight, 3)) for token in chunk.words] for chunk in chunks],
    }


def _translator(name: str) -> Translator | None:
    if name == GLOSSARY:
        return None
    from imagegen.hub_translator import HubTranslator

    return HubTranslator(name)


def _embedder(name: str) -> Embed | None:
    """A sentence embedder; the bundled one is loaded as any other folder."""
    if name == NONE:
        return None
    if name == BUNDLED and not (BUNDLED_EMBEDDER / "modules.json").is_file():
        raise PromptError("the bundled embedder is missing: name another by --embedder, or none")
    folder = BUNDLED_EMBEDDER if name == BUNDLED else Path(name).expanduser()
    local = folder.is_dir()
    if not local and (folder.is_absolute() or name.startswith((".", "~"))):
        raise PromptError(f"--embedder: there is no folder {name}")
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # progress bars
            from sentence_transformers import SentenceTransformer

            model = SentenceTransformer(str(folder) if local else name, device="cpu", local_files_only=local)
    except Exception as error:  # each kind of module has failures of its own
        raise PromptError(f"--embedder {name} cannot be loaded: {_reason(error)}") from error
    return lambda texts: model.encode(
        list(texts), normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
    )


def _tokenizer(name: str) -> Any:
    folder = Path(name).expanduser()
    local = folder.is_dir()
    if not local and (folder.is_absolute() or name.startswith((".", "~"))):
        raise PromptError(f"--tokenizer: there is no folder {name}")
    try:
        from transformers import CLIPTokenizer

        return CLIPTokenizer.from_pretrained(str(folder) if local else name, local_files_only=local)
    except Exception as error:
        raise PromptError(f"--tokenizer {name} cannot be loaded: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _print(made: PicturePrompt, tokens: dict[str, dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")

    def row(name: str, value: str) -> None:
        from rich.text import Text

        table.add_row(name, Text(value or "–"))

    row("wish", made.wish)
    row("paraphrases", "\n".join(made.paraphrases))
    row("translation", "\n".join(dict.fromkeys(made.translations)))
    row(
        "keywords",
        "\n".join(f"{k.weight:.2f}  {k.phrase}  (cosine {k.score:.2f}, in {k.frequency:.0%})" for k in made.keywords),
    )
    row("profile", made.profile)
    for name in ("prompt", "prompt_2", "negative"):
        row(name, getattr(made, name))
    row("tokens", "\n".join(f"{name}: {_counts(report)}" for name, report in tokens.items()))
    row("weights", "\n".join(_weights(name, report) for name, report in tokens.items() if report["exact"]))
    row("unknown", ", ".join(f"{korean} → {latin or 'left out'}" for korean, latin in made.unknown))
    Console().print(table)


def _counts(report: dict[str, Any]) -> str:
    if not report["exact"]:
        return (
            f"{report['words']} words, at least {report['chunks_at_least']} chunk(s) of {LENGTH - 2} (no --tokenizer)"
        )
    return " + ".join(map(str, report["chunks"])) + f" tokens in {len(report['chunks'])} chunk(s) of {LENGTH - 2}"


def _weights(name: str, report: dict[str, Any]) -> str:
    chunks = (" ".join(f"{text}:{weight:g}" for text, weight in chunk) for chunk in report["weights"])
    return f"{name}: " + " | ".join(chunks)
