"""Trains the sentence embedder that finds a user's memories again.

    python -m training.embedder --data FOLDER --out runs/embedder

The model is a table of vectors, one for each piece of a word, of which a sentence takes the mean: a sentence costs a
fraction of a millisecond on one core. Pieces are found in Hangul taken apart into its letters, so that 살아, 산다 and 살았다
share one. The vectors begin as a factorisation of which pieces stand near which, and are then trained on pairs of texts
that belong together (paraphrases, neighbouring sentences, a fact and the words that should recall it) against the rest
of their batch. It is saved in the format of sentence-transformers.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import re
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.corpus import HANGUL, VULGAR, DataFolder, clean, documents
from training.dialogues import WRITTEN, held_out, load_dialogues
from training.errors import TrainingError
from training.memory import keep_large_blocks

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

RECALL = Path(__file__).parent / "data" / "recall" / "pairs.jsonl"
SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
UNKNOWN = "[UNK]"
NEIGHBOURS = 8  # pairs of one article
REPORT = "report.json"
SLOTS = "slots.jsonl"  # beside the written facts


# Texts


@dataclass
class Pairs:
    """Texts that belong together. Pairs of one group are never each other's wrong answers."""

    name: str
    share: float
    groups: list[tuple[str, ...]] = field(default_factory=list)  # two or more texts that mean the same
    wrong: dict[int, str] = field(default_factory=dict)  # number of a group → a text that means something else


@dataclass(frozen=True)
class Fact:
    """A fact as it is remembered, and lines of the user that should recall it."""

    fact: str
    lines: tuple[str, ...]

    @property
    def held_out(self) -> bool:
        """A tenth, chosen by the fact so that it never changes, is never trained on."""
        return held_out(self.fact)


def load_facts(path: Path = RECALL) -> list[Fact]:
    """The written facts, one to a line: ``{"fact": "전주에서 산다.", "lines": ["나 어디 산다고 했지?", …]}``.

    Raises:
        TrainingError: names the file, the line and what is wrong with it.
    """
    facts: list[Fact] = []
    try:
        rows = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} cannot be read: {error}") from None
    for number, row in enumerate(rows, 1):
        if not row.strip():
            continue
        try:
            item = json.loads(row)
            fact, lines = item["fact"], item["lines"]
            if not (isinstance(fact, str) and fact and lines and all(isinstance(x, str) and x for x in lines)):
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise TrainingError(f'{path.name}:{number}: a line reads {{"fact": "…", "lines": ["…", …]}}') from None
        facts.append(Fact(fact, tuple(lines)))
    if not facts:
        raise TrainingError(f"{path} holds no facts")
    return facts


PARTICLES = {  # after a syllable that ends in a consonant, and after one that ends in a vowel
    "가": ("이", "가"), "이": ("이", "가"), "를": ("을", "를"), "을": ("을", "를"), "로": ("으로", "로"), "라": ("이라", "라"),
    "과": ("과", "와"), "다.": ("이다.", "다."),
}  # fmt: skip


def fill(template: str, word: str) -> str:
    """Puts a word into a template such as ``{}를 키운다.``, with the particle that fits it."""
    last = ord(word[-1]) - ord("가")
    final = last % 28 if 0 <= last < 11172 else 0

    def put(match: re.Match[str]) -> str:
        if not match[1]:
            return word
        closed, open_ = PARTICLES[match[1]]
        return word + (open_ if not final or (match[1] == "로" and final == 8) else closed)

    return re.sub(r"\{\}(다\.|(?:가|이|를|을|과)(?= )|로(?= )|라(?=고|는))?", put, template)


def load_slots(path: Path, seed: int = 0) -> list[tuple[str, ...]]:
    """Facts that differ in one word (where somebody lives, what a cat is called), with lines that ask for them.

    A line reads ``{"facts": ["{}에서 산다.", …], "words": "전주 부산 …", "lines": ["나 어디 산다고 했지?", "{} 날씨 어때", …]}``.

    Raises:
        TrainingError: names the line that is malformed.
    """
    rng, groups = random.Random(seed), []
    for number, row in enumerate(path.read_text(encoding="utf-8").splitlines() if path.is_file() else [], 1):
        try:
            slot = json.loads(row)
            named = [line for line in slot["lines"] if "{}" in line]
            open_ = [line for line in slot["lines"] if "{}" not in line]
            for word in slot["words"].split():
                lines = rng.sample(open_, min(2, len(open_))) + rng.sample(named, min(1, len(named)))
                groups.append(tuple(fill(text, word) for text in (rng.choice(slot["facts"]), *lines)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TrainingError(f"{path.name}:{number}: {error}; training/data/recall shows the format") from None
    return groups


def bare(text: str) -> str:
    """What two spellings of one sentence have in common."""
    return re.sub(r"[\W_]+", "", text).lower()


def read_sts(data: DataFolder) -> dict[str, list[tuple[str, str, float]]]:
    """Graded pairs: KorSTS ``train`` and ``korsts_dev``, and ``klue_sts_dev``; what is missing is left out."""
    parts: dict[str, list[tuple[str, str, float]]] = {}
    for suffix, name in (("sts-train.tsv", "train"), ("sts-dev.tsv", "korsts_dev")):
        for _, text in data.texts("kornlu", suffix):
            rows = [line.split("\t") for line in text.splitlines()[1:]]
            parts[name] = [(row[5], row[6], float(row[4]) / 5) for row in rows if len(row) >= 7]
    for _, text in data.texts("klue_dev", "klue-sts-v1.1_dev.json"):
        rows = json.loads(text)
        parts["klue_sts_dev"] = [(r["sentence1"], r["sentence2"], r["labels"]["real-label"] / 5) for r in rows]
    return parts


def read_groups(data: DataFolder) -> Iterator[tuple[str, tuple[str, ...], str | None]]:
    """Yields ``(set, texts that mean the same, a text that does not)``."""
    gathered: dict[tuple[str, str], list[str]] = defaultdict(list)
    for _, text in data.texts("parakqc", ".txt"):
        for number, line in enumerate(text.splitlines()):
            fields = line.split("\t")
            if len(fields) == 3 and fields[0].isdigit():
                gathered["parakqc", str(number // 10)].append(fields[2])
    for file, text in data.texts("stylekqc", ".tsv"):
        if file.startswith("topic"):
            for number, line in enumerate(text.splitlines()[1:]):
                gathered["stylekqc", f"{file}{number // 10}"].append(line.split("\t")[-1])
    for _, text in data.texts("sae4k", "sae4k_v1.txt"):
        for line in text.splitlines():
            fields = line.split("\t")
            if len(fields) == 3:
                gathered["sae4k", fields[1]] += [fields[0], fields[1]]
    for _, text in data.texts("chatbot_data", "ChatbotData.csv"):
        for row in csv.DictReader(io.StringIO(text)):
            gathered["answers", row["A"]] += [row["Q"], row["A"]]
    for _, text in data.texts("tatoeba_kor_eng", "kor.txt"):
        for line in text.splitlines():
            fields = line.split("\t")
            if len(fields) >= 2:
                gathered["tatoeba", bare(fields[0])].append(fields[1])
    for _, text in data.texts("cc_kedict", "kedict.yml"):
        for entry in text.split("\n- word: ")[1:]:
            for meaning in re.findall(r'- def: "([^"(]{3,40})"', entry):
                for part in meaning.split(","):
                    gathered["words", bare(part)].append(entry.partition("\n")[0].strip())
    for _, text in data.texts("cldr_ko", "__ko__annotations.json"):
        for sign, names in json.loads(text)["annotations"]["annotations"].items():
            gathered["words", sign] += [name for name in names.get("default", []) if HANGUL.search(name)]
    for (name, _), texts in gathered.items():
        if len(set(texts)) > 1 and not (name == "words" and len(set(texts)) > 8):
            yield name, tuple(dict.fromkeys(texts)), None
    for _, text in data.texts("xpersona_ko", ".json"):
        for item in json.loads(text):
            turns = [line for pair in item["dialogue"] for line in pair]
            for pair in pairwise(turns):
                yield "talk", pair, None
    for file, text in data.texts("question_pair", ".txt"):
        if file in {"train.txt", "validation.txt", "test.txt"}:
            for line in text.splitlines()[1:]:
                fields = line.split("\t")
                if len(fields) == 3 and fields[2] == "0" and bare(fields[0]) != bare(fields[1]):
                    yield "question_pair", (fields[0], fields[1]), None
    for _, text in data.texts("kornlu", "xnli.dev.ko.tsv"):
        premises: dict[str, dict[str, str]] = defaultdict(dict)
        for line in text.splitlines()[1:]:
            fields = line.split("\t")
            if len(fields) == 3:
                premises[fields[0]][fields[2]] = fields[1]
        for premise, found in premises.items():
            if "entailment" in found:
                yield "nli", (premise, found["entailment"]), found.get("contradiction")


def read_neighbours(data: DataFolder, limit: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields neighbouring sentences of articles and reviews, and the title of an article with some of its sentences."""
    taken = 0
    for title, body in _articles(data):
        sentences = [s for s in map(clean, SENTENCE.split(body[:4000])) if 8 <= len(s) <= 120]
        pairs = list(zip(sentences[::2], sentences[1::2], strict=False))[:NEIGHBOURS]
        for pair in pairs:
            yield "kowiki", pair
        if sentences:
            yield "articles", (title, *sentences[: 2 * NEIGHBOURS])
        taken += len(pairs)
        if taken >= limit:
            break
    for review in islice(_reviews(data), limit // 2):
        yield "nsmc", review


def _articles(data: DataFolder) -> Iterator[tuple[str, str]]:
    for _, text in data.texts("kowiki", ".txt"):
        for title, body in re.findall(r'<doc [^>]*title="([^"]*)"[^>]*>\n(.*?)\n</doc>', text, re.S):
            yield re.sub(r"\s*\([^)]*\)", "", title), body


def _reviews(data: DataFolder) -> Iterator[tuple[str, ...]]:
    for _, text in data.texts("nsmc", "nsmc_raw_reviews.tsv"):
        for line in text.splitlines()[1:]:
            review = line.split("\t")[-1]
            if len(review) > 30:
                parts = [clean(part) for part in re.split(r"[.!?~,]+\s*", review)]
                parts = [part for part in parts if 7 < len(part) <= 120]
                if len(parts) > 1 and not VULGAR.search(review):
                    yield tuple(parts[:4])


def gather(
    data: DataFolder,
    facts: Sequence[Fact],
    persona: Path | None,
    neighbours: int,
    slots: Sequence[tuple[str, ...]] = (),
) -> tuple[list[Pairs], set[str]]:
    """All pairs to train on, and the sentences that are kept for measuring, none of which is among them."""
    sts = read_sts(data)
    kept = {bare(t) for name, rows in sts.items() if name != "train" for a, b, _ in rows for t in (a, b)}
    for fact in facts:
        if fact.held_out:
            kept |= {bare(fact.fact), *map(bare, fact.lines)}
    sets: dict[str, Pairs] = {}

    def add(name: str, texts: Iterable[str], wrong: str | None = None) -> None:
        texts = tuple(texts)
        if len(texts) > 1 and all(texts) and not any(bare(t) in kept for t in (*texts, wrong or "")):
            pairs = sets.setdefault(name, Pairs(name, SHARES[name]))
            if wrong is not None:
                pairs.wrong[len(pairs.groups)] = clean(wrong)
            pairs.groups.append(tuple(clean(text) for text in texts))

    for name, texts, wrong in read_groups(data):
        add(name, texts, wrong)
    for name, texts in read_neighbours(data, neighbours):
        add(name, texts)
    for a, b, grade in sts.get("train", []):
        if grade >= 0.8:
            add("korsts", (a, b))
    for fact in facts:
        if not fact.held_out:
            add("recall", (fact.fact, *fact.lines))
    for first, *lines in slots:
        add("slots", (first, *(line for line in lines if bare(line) not in kept)))
    if persona is not None:
        for dialogue in load_dialogues(persona):
            for exchange in dialogue.exchanges if not dialogue.held_out else ():
                add("talk", (exchange.user, exchange.reply.text))
                for memory in exchange.memories:
                    add("memories", (memory.partition("들음: ")[2] or memory, exchange.user))
            if not dialogue.held_out:
                add("topics", (dialogue.title, *(exchange.user for exchange in dialogue.exchanges)))
    return list(sets.values()), kept


# How often a batch comes from a set: the first number while texts in general are learnt, then for its real use.
SHARES = {
    "kowiki": 3.0,
    "articles": 2.5,
    "nsmc": 1.5,
    "parakqc": 1.0,
    "stylekqc": 1.5,
    "sae4k": 1.5,
    "answers": 0.7,
    "talk": 0.8,
    "topics": 0.5,
    "words": 0.6,
    "tatoeba": 0.2,
    "question_pair": 0.7,
    "nli": 0.3,
    "korsts": 0.5,
    "recall": 1.0,
    "slots": 0.5,
    "memories": 0.1,
}


# The model


def train_pieces(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of word pieces over the letters of Hangul."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    laughter = [normalizers.Replace(Regex(f"{letter}{{3,}}"), letter * 2) for letter in "ㅋㅎㅠㅜ"]
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Lowercase(), *laughter, normalizers.NFD()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(),
            pre_tokenizers.Digits(),
            pre_tokenizers.Split(Regex(r"[^\p{L}\p{N}\p{M}▁]+"), "isolated"),
        ]
    )
    trainer = trainers.UnigramTrainer(
        vocab_size=size, unk_token=UNKNOWN, special_tokens=[UNKNOWN], show_progress=False, max_piece_length=20
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def factorise(tokenizer: Tokenizer, texts: Sequence[str], dimension: int, window: int = 5) -> np.ndarray:
    """Vectors of the pieces from which pieces stand near which: shifted PPMI, and its largest singular vectors."""
    from scipy import sparse  # type: ignore[import-untyped]
    from sklearn.utils.extmath import randomized_svd

    size = tokenizer.get_vocab_size()
    counts = sparse.csr_matrix((size + 1, size + 1), dtype=np.float32)
    for start in range(0, len(texts), 50_000):
        ids: list[int] = []
        for encoding in tokenizer.encode_batch(texts[start : start + 50_000], add_special_tokens=False):
            ids += encoding.ids
            ids.append(size)  # the end of a text
        row = np.array(ids)
        for distance in range(1, window + 1):
            near, far = row[:-distance], row[distance:]
            weight = np.full(len(near), 1 / distance**0.5, np.float32)
            counts = counts + sparse.csr_matrix((weight, (near, far)), shape=counts.shape)
    counts = counts[:size, :size]
    counts = (counts + counts.T).tocoo()
    strong = counts.data > 1.0
    row, column, data = counts.row[strong], counts.col[strong], counts.data[strong]
    frequency = np.bincount(row, weights=data, minlength=size) + 1e-9
    context = frequency**0.75
    information = np.log(data * context.sum() / (frequency[row] * context[column]))
    positive = information > 0
    matrix = sparse.csr_matrix(
        (information[positive].astype(np.float32), (row[positive], column[positive])), (size, size)
    )
    left, values, _ = randomized_svd(matrix, dimension, n_iter=3, random_state=0)
    vectors = left * values**0.5
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-6
    share = frequency / frequency.sum()
    return np.asarray(vectors * (1e-3 / (1e-3 + share))[:, None], np.float32)  # common pieces say little


def make_model(tokenizer: Tokenizer, vectors: np.ndarray) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    return SentenceTransformer(modules=[StaticEmbedding(tokenizer, vectors), Normalize()], device="cpu")


# Measuring


def spearman(model: SentenceTransformer, rows: Sequence[tuple[str, str, float]]) -> float:
    from scipy.stats import spearmanr  # type: ignore[import-untyped]

    first, second = (np.asarray(model.encode([row[i] for row in rows], show_progress_bar=False)) for i in (0, 1))
    return round(float(spearmanr((first * second).sum(axis=1), [row[2] for row in rows]).statistic), 4)


def recall(model: SentenceTransformer, facts: Sequence[Fact]) -> dict[str, float]:
    """How often a held-out line finds its fact first, or among five, of all facts that were written."""
    asked = [(line, number) for number, fact in enumerate(facts) if fact.held_out for line in fact.lines]
    if not asked:
        return {}
    stored = np.asarray(model.encode([fact.fact for fact in facts], show_progress_bar=False))
    lines = np.asarray(model.encode([line for line, _ in asked], show_progress_bar=False))
    scores = lines @ stored.T
    right = scores[np.arange(len(asked)), [number for _, number in asked]]
    better = (scores > right[:, None]).sum(axis=1)
    few = (scores[:, [fact.held_out for fact in facts]] > right[:, None]).sum(axis=1)
    return {
        "recall_at_1": round(float((better < 1).mean()), 4),
        "recall_at_5": round(float((better < 5).mean()), 4),
        "of_held_out_at_1": round(float((few < 1).mean()), 4),
        "of_held_out_at_5": round(float((few < 5).mean()), 4),
        "held_out": sum(fact.held_out for fact in facts),
        "lines": len(asked),
        "facts": len(facts),
    }


def measure(model: SentenceTransformer, data: DataFolder, facts: Sequence[Fact]) -> dict[str, Any]:
    measured: dict[str, Any] = {name: spearman(model, rows) for name, rows in read_sts(data).items() if name != "train"}
    return {**measured, **recall(model, facts)}


# Training


class Sampler:
    """Draws batches of pairs, each batch from one set, so that its wrong answers are of a kind with the right one."""

    def __init__(self, sets: Sequence[Pairs], seed: int) -> None:
        self.sets = {pairs.name: pairs for pairs in sets}
        self.random = random.Random(seed)

    def batch(self, size: int, shares: dict[str, float]) -> tuple[str, list[str], list[str], list[str]]:
        names = [name for name in self.sets if shares.get(name, 0) > 0]
        pairs = self.sets[self.random.choices(names, [shares[name] for name in names])[0]]
        size = min(size, 160) if pairs.name in ASKED else size
        chosen = self.random.sample(range(len(pairs.groups)), min(size, len(pairs.groups)))
        first, second, wrong = [], [], []
        for number in chosen:
            group = pairs.groups[number]
            if pairs.name in ASKED:
                a, b = group[0], self.random.choice(group[1:])
                if self.random.random() < 0.15 and len(group) > 2:
                    a, b = self.random.sample(group[1:], 2)
            else:
                a, b = self.random.sample(group, 2)
            first.append(self.roughen(a))
            second.append(self.roughen(b))
            if number in pairs.wrong:
                wrong.append(pairs.wrong[number])
        return pairs.name, first, second, wrong

    def roughen(self, text: str) -> str:
        """Now and then writes a text as people type it: without marks, without a space, with ㅋㅋ."""
        chance = self.random.random()
        if chance < 0.25:
            text = text.rstrip(".!?~ ")
        if chance < 0.08:
            spaces = [m.start() for m in re.finditer(" ", text)]
            if spaces:
                cut = self.random.choice(spaces)
                text = text[:cut] + text[cut + 1 :]
        elif chance < 0.12:
            text += self.random.choice(["ㅋㅋ", " ㅋㅋㅋ", "ㅠㅠ", "ㅎㅎ", "...", "~", "!!"])
        return text


def fit(
    model: SentenceTransformer,
    sampler: Sampler,
    graded: Sequence[tuple[str, str, float]],
    options: argparse.Namespace,
    watch: Any,
) -> int:
    """Trains for the minutes given; returns the number of steps."""
    import torch
    from torch.nn import functional

    def embed(texts: list[str]) -> Any:
        return model(model.preprocess(texts))["sentence_embedding"]

    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, weight_decay=0.0, fused=True)
    began, steps, losses, due = time.monotonic(), 0, [], options.log_minutes
    model.train()
    while True:
        done = (time.monotonic() - began) / 60 / options.minutes
        if options.steps:
            done = steps / options.steps
        if done >= 1:
            return steps
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * min(1.0, (steps + 1) / 50) * max(0.02, 1 - done)
        late = done >= options.general
        shares = {name: share * (LATE.get(name, 1.0) if late else 1.0) for name, share in SHARES.items()}
        if graded and sampler.random.random() < (0.10 if late else 0.03):
            rows = sampler.random.sample(list(graded), min(options.batch, len(graded)))
            cosine = (embed([a for a, _, _ in rows]) * embed([b for _, b, _ in rows])).sum(1) * 20
            grade = torch.tensor([g for *_, g in rows])
            gaps = (cosine[:, None] - cosine[None, :])[grade[:, None] < grade[None, :]]
            loss = torch.logsumexp(torch.cat([gaps, torch.zeros(1)]), 0) * 0.1
        else:
            name, first, second, wrong = sampler.batch(options.batch, shares)
            a, b = embed(first), embed(second)
            answers = torch.cat([b, embed(wrong)]) if wrong else b
            forth, back, truth = a @ answers.T * 20, b @ a.T * 20, torch.arange(len(a))
            if name in ASKED:  # where she lives and where he lives answer the same question: neither is wrong
                alike = (a @ a.T > 0.6).fill_diagonal_(False)
                forth, back = forth.masked_fill(alike, -1e4), back.masked_fill(alike, -1e4)
            loss = functional.cross_entropy(forth, truth) + functional.cross_entropy(back, truth)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        steps += 1
        losses.append(loss.item())
        minutes = (time.monotonic() - began) / 60
        if minutes >= due:
            model.eval()
            watch({"minutes": round(minutes, 1), "steps": steps, "loss": round(float(np.mean(losses)), 4)})
            model.train()
            losses, due = [], due + options.log_minutes


LATE = {"kowiki": 0.15, "articles": 0.3, "nsmc": 0.15, "recall": 3.0, "slots": 2.0}
ASKED = {"recall", "slots"}  # a fact, and lines that should recall it


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.embedder", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with the public sets (docs/data.md)")
    parser.add_argument("--recall", type=Path, default=RECALL, help="written facts and the lines that recall them")
    parser.add_argument("--persona", type=Path, default=WRITTEN, help="written dialogues")
    parser.add_argument("--out", type=Path, required=True, help="folder for the embedder")
    parser.add_argument("--init", type=Path, help="an earlier --out to go on from")
    parser.add_argument(
        "--bundle",
        type=Path,
        help="also store it in half precision here (rag/bundled/embedder); alone: what --out holds",
    )
    parser.add_argument("--minutes", type=float, default=20.0, help="how long to train, without what comes before it")
    parser.add_argument("--steps", type=int, default=0, help="train so many steps instead")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--vocabulary", type=int, default=24_000, help="number of word pieces")
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--corpus", type=int, default=40, help="millions of characters that the vectors begin from")
    parser.add_argument("--neighbours", type=int, default=400_000, help="pairs of neighbouring sentences")
    parser.add_argument(
        "--general", type=float, default=0.6, help="share of the time for texts in general, before talk"
    )
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--learning-rate", type=float, default=5e-3)
    parser.add_argument("--log-minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    try:
        if options.data is not None:
            shown = ["DATA" if word == str(options.data) else word for word in argv or sys.argv[1:]]
            train(options, f"python -m training.embedder {' '.join(shown)}")
        elif options.bundle:
            bundle(options.out, options.bundle)
        else:
            parser.error("--data is missing")
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def train(options: argparse.Namespace, command: str) -> None:
    import torch

    keep_large_blocks()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    data, began = DataFolder(options.data), time.monotonic()
    facts = load_facts(options.recall)

    def say(text: str) -> None:
        print(f"{(time.monotonic() - began) / 60:5.1f} min  {text}", flush=True)

    sets, kept = gather(
        data, facts, options.persona, options.neighbours, load_slots(options.recall.with_name(SLOTS), options.seed)
    )
    if not sets:
        raise TrainingError(f"data folder {data.path} holds none of the known sets; docs/data.md lists them")
    say("pairs: " + ", ".join(f"{pairs.name} {len(pairs.groups):,}" for pairs in sets))
    if options.init:
        model, begins_from = load(options.init), f"the embedder in {options.init}"
        if (options.init / REPORT).is_file():
            earlier = json.loads((options.init / REPORT).read_text(encoding="utf-8"))
            begins_from, command = earlier["begins_from"], f"{earlier['command']} && {command}"
    else:
        texts = corpus(options, sets)
        begins_from = (
            f"which pieces stand near which in {sum(map(len, texts)) / 1e6:.0f} M characters of the public sets"
        )
        say(begins_from)
        tokenizer = train_pieces(texts[:: max(1, sum(map(len, texts)) // 12_000_000)], options.vocabulary)
        say(f"{tokenizer.get_vocab_size():,} word pieces")
        model = make_model(tokenizer, factorise(tokenizer, texts, options.dimension))
    say(f"at first: {measure(model, data, facts)}")
    options.out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(options.out), create_model_card=False)
    curve: list[dict[str, Any]] = []

    def watch(row: dict[str, Any]) -> None:
        curve.append({**row, **measure(model, data, facts)})
        say(json.dumps(curve[-1]))

    graded = [row for row in read_sts(data).get("train", []) if not {bare(row[0]), bare(row[1])} & kept]
    steps = fit(model, Sampler(sets, options.seed), graded, options, watch)
    model.eval()
    model.save_pretrained(str(options.out), create_model_card=False)
    pieces, dimension = next(model.parameters()).shape
    report = {
        "command": command,
        "measured": measure(model, data, facts),
        "pieces": pieces,
        "dimension": dimension,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "begins_from": begins_from,
        "pairs": {pairs.name: len(pairs.groups) for pairs in sets},
        "steps": steps,
        **{name: getattr(options, name) for name in ("batch", "learning_rate", "threads", "seed")},
        "minutes": round((time.monotonic() - began) / 60, 1),
        "curve": curve,
    }
    (options.out / REPORT).write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    say(json.dumps(report["measured"]))
    if options.bundle:
        bundle(options.out, options.bundle)


def corpus(options: argparse.Namespace, sets: Sequence[Pairs]) -> list[str]:
    """Texts from which the pieces and their first vectors come: talk whole, prose and reviews in part."""
    budget = options.corpus * 1_000_000
    limits = {"encyclopaedia": budget // 2, "review": budget // 3, "petition": budget // 10}
    texts = [
        line
        for pairs in sets
        if pairs.name not in {"kowiki", "articles", "nsmc"}
        for group in pairs.groups
        for line in group
    ]
    for document in documents(options.data, limits):
        texts += document.turns or [s for s in SENTENCE.split(document.text) if len(s) > 5]
    random.Random(options.seed).shuffle(texts)
    return texts


def bundle(run: Path, out: Path) -> None:
    """Puts a finished run where the program looks for it: half-precision weights, and a card made from its report."""
    try:
        report = json.loads((run / REPORT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TrainingError(f"{run} holds no {REPORT}: the training there has not finished") from None
    model = load(run)
    shutil.rmtree(out, ignore_errors=True)
    model.half().save_pretrained(str(out), create_model_card=False)
    modules = json.loads((out / "modules.json").read_text(encoding="utf-8"))
    for module in modules:  # the names that sentence-transformers 5 knows as well as 6
        module["type"] = f"sentence_transformers.models.{module['type'].rpartition('.')[2]}"
    (out / "modules.json").write_text(json.dumps(modules, indent=2) + "\n", encoding="utf-8")
    for path in out.rglob("*.safetensors"):
        path.chmod(0o644)
    (out / "MODEL_CARD.md").write_text(model_card(report), encoding="utf-8")


def model_card(report: dict[str, Any]) -> str:
    measured = report["measured"]
    pairs = ", ".join(f"{name} {count:,}" for name, count in report["pairs"].items())
    seen = "".join(
        f"| {row['minutes']} | {row['loss']} | {row.get('korsts_dev', '–')} | {row.get('klue_sts_dev', '–')} "
        f"| {row.get('recall_at_1', '–')} | {row.get('recall_at_5', '–')} |\n"
        for row in report["curve"]
    )
    return f"""# The bundled sentence embedder

Finds a user's memories again. A table of {report["pieces"]:,} vectors of {report["dimension"]} numbers
({report["parameters"] / 1e6:.1f} M parameters), one for each word piece over the letters of Hangul; a sentence is the mean of its
pieces. Half-precision safetensors in the format of sentence-transformers.

| | |
|---|---|
| made by | `{report["command"]}` |
| vectors begin from | {report["begins_from"]} |
| trained on | groups of texts that belong together: {pairs} |
| steps | {report["steps"]:,} of {report["batch"]} pairs, learning rate {report["learning_rate"]:g} |
| device | CPU, {report["threads"]} thread{"s" if report["threads"] > 1 else ""} |
| minutes | {report["minutes"]} in all |
| seed | {report["seed"]} |
| licence | CC BY-SA 4.0 (trained on CC BY-SA text among others; NOTICE and docs/data.md name all sources) |

Held out: KLUE-STS dev and KorSTS dev, none of whose sentences was trained on, and the tenth of the written facts
(training/data/recall) that is chosen by hash.

| measure | |
|---|---|
| KLUE-STS dev, Spearman | {measured.get("klue_sts_dev", "–")} |
| KorSTS dev, Spearman | {measured.get("korsts_dev", "–")} |
| a line finds its fact first, of {measured.get("facts", "–")} | {measured.get("recall_at_1", "–")} |
| … among the first five | {measured.get("recall_at_5", "–")} |
| a line finds its fact first, of the {measured.get("held_out", "–")} held out | {measured.get("of_held_out_at_1", "–")} |
| … among the first five | {measured.get("of_held_out_at_5", "–")} |

The facts are of many people, and several answer the same question (where somebody lives, what a cat is called); those of one
user are more like the {measured.get("held_out", "–")}.

| minutes | loss | KorSTS dev | KLUE-STS dev | recall@1 | recall@5 |
|---|---|---|---|---|---|
{seen}
It does not know the order of words: who bit whom is lost. Negation weighs little. Names that it never saw are told apart by
their letters only.
"""


def load(folder: Path) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(str(folder), device="cpu", local_files_only=True).float()
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise TrainingError(f"{folder} is no embedder that can be gone on from: {reason}") from None


if __name__ == "__main__":
    sys.exit(main())
