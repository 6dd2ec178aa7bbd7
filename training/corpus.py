"""Korean text for pretraining: reads the public sets, cleans them, and drops what should not be learnt.

A *data folder* holds one entry per set, either a folder ``NAME/`` or an archive ``NAME.tar.xz``, with the
files as their authors published them. ``docs/data.md`` lists the sets, their licences and where they come from.
A set that is missing is skipped; a folder without any known set is an error.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import lzma
import re
import tarfile
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from training.errors import TrainingError


@dataclass(frozen=True)
class Document:
    """One training document: plain text, or a dialogue of alternating user and assistant turns."""

    kind: str
    text: str = ""
    turns: tuple[str, ...] = ()

    @property
    def characters(self) -> int:
        return len(self.text) + sum(len(turn) for turn in self.turns)


class DataFolder:
    """The files of the public sets, whether unpacked or still in their archives."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise TrainingError(f"data folder {path} does not exist; docs/data.md says what goes into it")
        self.path = path
        self.reading = ""  # what an error is about

    def files(self, name: str, suffix: str = "") -> Iterator[tuple[str, bytes]]:
        """Yields ``(file name, content)`` of the set ``name`` in a stable order; nothing when it is absent."""
        folder, archive = self.path / name, self.path / f"{name}.tar.xz"
        self.reading = archive.name
        if folder.is_dir():
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                if path.name.endswith(suffix):
                    self.reading = f"{name}/{path.name}"
                    yield path.name, path.read_bytes()
        elif archive.is_file():
            with tarfile.open(archive) as tar:
                for member in sorted((m for m in tar if m.isfile()), key=lambda m: m.name):
                    content = tar.extractfile(member)
                    if content is not None and member.name.endswith(suffix):
                        yield Path(member.name).name, content.read()

    def texts(self, name: str, suffix: str = "") -> Iterator[tuple[str, str]]:
        for file, content in self.files(name, suffix):
            yield file, content.decode("utf-8-sig", errors="replace")


PHONE = re.compile(
    r"(?<!\d)(?:\+?82[- .]?)?0?1[016789][- .]?\d{3,4}[- .]?\d{4}(?!\d)|(?<!\d)0\d{1,2}-\d{3,4}-\d{4}(?!\d)"
)
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
LINK = re.compile(r"https?://\S+|www\.\S+")
SPACE = re.compile(r"[^\S\n]+")
CONTROL = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ue000-\uf8ff\ufffd]|\r(?=\n)"
)
REPEAT = re.compile(r"(.)\1{3,}")
HANGUL = re.compile(r"[가-힣]")


def clean(text: str) -> str:
    """NFC, single spaces, runs of one character cut to three, and no links, e-mail addresses or phone numbers."""
    text = unicodedata.normalize("NFC", text)
    text = EMAIL.sub("", LINK.sub("", PHONE.sub("", text)))
    text = CONTROL.sub("", text)
    return REPEAT.sub(r"\1\1\1", SPACE.sub(" ", text)).strip()


def is_korean(text: str, share: float = 0.5) -> bool:
    letters = sum(c.isalpha() for c in text)
    return letters > 0 and len(HANGUL.findall(text)) >= share * letters


# Stems that are vulgar wherever they stand. Public bad-word lists do not serve here: among their entries are ordinary
# words (이벤트, 폰으로) and parts of ordinary verbs (해 보지, 자지 마), which would drop a third of all talk.
VULGAR = re.compile(
    "|".join(
        "시발 씨발 씨바 쓰벌 ㅅㅂ ㅆㅂ 병신 븅신 ㅂㅅ ㅄ 개새 새끼 새꺄 색히 지랄 ㅈㄹ 존나 졸라 좆 ㅈ같 창녀 걸레 섹스 강간 자위 야동 "
        "쓰레기 쓰래기 닥쳐 뒈져 미친놈 미친년 년놈 호로 홍어 짱깨 쪽바리 쪽빠리 한남 김치녀 된장녀 맘충 급식충 틀딱 빨갱이 좌빨 수꼴 일베 "
        "메갈 게이 니미 니애미 느금 애미 애비 엠창 씹 빠구리 성폭행 성추행 성매매 박근혜 이명박 노무현 문재인 김대중".split()
    )
)


def read_kowiki(data: DataFolder) -> Iterator[Document]:
    for _, text in data.texts("kowiki", ".txt"):
        for article in re.findall(r"<doc [^>]*>\n(.*?)\n</doc>", text, re.S) or re.split(r"<doc [^>]*>\n", text)[1:]:
            yield Document("encyclopaedia", article.replace("</doc>", ""))


def read_nsmc(data: DataFolder) -> Iterator[Document]:
    for _, text in data.texts("nsmc", "nsmc_raw_reviews.tsv"):
        for line in text.splitlines()[1:]:
            fields = line.split("\t")
            if len(fields) == 4 and int(fields[2]) >= 5:
                yield Document("review", fields[3])


def read_petitions(data: DataFolder) -> Iterator[Document]:
    for file, text in data.texts("petitions"):
        if file.startswith("petitions_"):
            for line in text.splitlines():
                try:
                    yield Document("petition", json.loads(line)["content"])
                except (ValueError, KeyError, TypeError):
                    continue


def read_literature(data: DataFolder) -> Iterator[Document]:
    for file, text in data.texts("pd_literature", ".txt"):
        if file not in {"SOURCE.txt", "LICENSE_NOTE.txt"}:
            yield Document("fiction", text)
    for _, text in data.texts("common_voice_ko", "sentence-collector.txt"):
        lines = text.splitlines()
        for start in range(0, len(lines), 20):
            yield Document("fiction", "\n".join(lines[start : start + 20]))


def read_chatbot(data: DataFolder) -> Iterator[Document]:
    for _, text in data.texts("chatbot_data", "ChatbotData.csv"):
        for row in csv.DictReader(io.StringIO(text)):
            yield Document("talk", turns=(row["Q"], row["A"]))


def read_xpersona(data: DataFolder) -> Iterator[Document]:
    for _, text in data.texts("xpersona_ko", ".json"):
        for item in json.loads(text):
            yield Document("talk", turns=tuple(line for pair in item["dialogue"] for line in pair))


def read_utterances(data: DataFolder) -> Iterator[Document]:
    """Single spoken sentences of StyleKQC and 3i4K, in groups, as lines of one document."""
    lines: list[str] = []
    for _, text in data.texts("stylekqc", ".tsv"):
        lines += [line.split("\t")[-1] for line in text.splitlines()[1:] if len(line.split("\t")[-1]) > 8]
    for _, text in data.texts("3i4k", "fci.txt"):
        lines += [line.split("\t")[-1] for line in text.splitlines() if "\t" in line]
    for _, text in data.texts("sae4k", "sae4k_v1.txt"):
        lines += [line.split("\t")[0] for line in text.splitlines() if "\t" in line]
    lines = list(dict.fromkeys(lines))
    lines.sort(key=lambda line: hashlib.blake2b(line.encode()).digest())
    for start in range(0, len(lines), 12):
        yield Document("utterance", "\n".join(lines[start : start + 12]))


READERS: dict[str, Callable[[DataFolder], Iterator[Document]]] = {
    "talk": read_chatbot,
    "persona_chat": read_xpersona,
    "review": read_nsmc,
    "utterance": read_utterances,
    "fiction": read_literature,
    "petition": read_petitions,
    "encyclopaedia": read_kowiki,
}


COLLOQUIAL = {"talk", "review", "utterance", "petition"}


def _sound(data: DataFolder, read: Callable[[DataFolder], Iterator[Document]]) -> Iterator[Document]:
    """The documents of a reader; what its authors did not publish so is an error that names the file."""
    try:
        for document in read(data):
            if not all(isinstance(text, str) for text in (document.text, *document.turns)):
                raise ValueError("a text is missing")
            yield document
    except (ValueError, KeyError, TypeError, EOFError, csv.Error, tarfile.TarError, lzma.LZMAError) as error:
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TrainingError(f"{data.path / data.reading} is damaged ({problem}); fetch it anew") from None


def documents(folder: Path, limits: dict[str, int] | None = None) -> Iterator[Document]:
    """Cleaned, de-duplicated documents of every set in ``folder``.

    Args:
        folder: the data folder.
        limits: at most this many characters of a kind; a kind that is not named is taken whole.

    Raises:
        TrainingError: the folder is missing or holds none of the known sets.
    """
    data = DataFolder(folder)
    seen: set[bytes] = set()
    taken: dict[str, int] = {}
    found = False
    for read in READERS.values():
        for document in _sound(data, read):
            found = True
            limit = (limits or {}).get(document.kind)
            if limit is not None and taken.get(document.kind, 0) >= limit:
                break
            text, turns = clean(document.text), tuple(clean(turn) for turn in document.turns)
            whole = text + "\n".join(turns)
            if document.kind in COLLOQUIAL and VULGAR.search(whole):
                continue
            digest = hashlib.blake2b(whole.encode(), digest_size=8).digest()
            if len(whole) < 8 or digest in seen or not is_korean(whole) or not all(turns):
                continue
            seen.add(digest)
            taken[document.kind] = taken.get(document.kind, 0) + len(whole)
            yield Document(document.kind, text, turns)
    if not found:
        raise TrainingError(f"data folder {folder} holds none of the known sets; docs/data.md lists them")
