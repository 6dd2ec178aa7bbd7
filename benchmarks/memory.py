"""Measures her memory: how long recall takes as memories grow, what it spends that on, how fast it is written and rebuilt.

Beside it the same question to a plain Chroma collection with the same embedder, account and vectors: what recall costs
over the bare search by meaning.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.report import Row, quantile, ratios, save, show
from rag.evaluation import House
from rag.memory import Memory
from rag.visibility import Place

NOW = datetime(2026, 11, 21, 12, 0)
PER_CHAT = 200
"""Messages of a chat of which something was remembered; as many lie between them."""

_WHO = "엄마 아빠 여동생 남동생 언니 오빠 사촌 이모 삼촌 할머니 남편 아내 친구 룸메이트 팀장님 선배 후배 이웃 조카 고모".split()
_CITY = "전주 부산 대구 인천 광주 대전 울산 세종 수원 춘천 강릉 목포 여수 포항 경주 제주 통영 군산 안동 원주 속초 김해".split()
_JOB = "간호사 요리사 교사 약사 기자 작가 경찰관 소방관 디자이너 개발자 회계사 번역가 바리스타 농부 조경사 수의사 사서 피디".split()
_FOOD = "떡볶이 순대 마라탕 초밥 삼겹살 콩국수 김치찌개 비빔밥 냉면 파스타 피자 갈비탕 청국장 복숭아 딸기 수박 고등어 굴".split()
_HOBBY = "등산 수영 요가 클라이밍 뜨개질 낚시 탁구 배드민턴 독서 베이킹 사진 기타 드럼 첼로 서예 볼링 캠핑 발레".split()
_PET = "고양이 강아지 햄스터 토끼 앵무새 거북이 고슴도치 금붕어".split()
_NAME = "나비 보리 초코 구름 망고 호두 두부 콩이 별이 감자 단추 라떼 루비 모카 밤톨 솜이 자두 참깨 쿠키 태양".split()
_EVENT = "면접 시험 건강검진 공연 결혼식 돌잔치 이사 여행 발표 회식 동창회 치과 예약 전시회 마라톤 입주 졸업식".split()
_ILL = "비염 천식 편두통 빈혈 위염 아토피 불면증 허리디스크 손목터널증후군 갑상선염 결막염 통풍".split()
_WHEN = "어릴 때 작년 여름 스무 살 때 고등학교 때 군대 시절 대학 때 지난겨울 몇 해 전".split()
_FORMS: list[tuple[str, str, str]] = [
    ("family", "relationship", "{who} {name}은 {city}에서 {job}로 일한다."), ("family", "relationship", "{who}가 {city}로 이사했다."),
    ("pet", "fact", "{name}라는 {pet}를 키운다."), ("pet", "fact", "{pet} {name}는 {food}를 좋아한다."),
    ("like", "preference", "{city}에서 먹은 {food}를 좋아한다."), ("dislike", "preference", "{food} 냄새를 싫어한다."),
    ("habit", "fact", "{who}와 {hobby}를 배운다."), ("skill", "fact", "{hobby}를 {n}년째 한다."),
    ("plan", "event", "{city}에서 {who}의 {event}가 있다."), ("past", "fact", "{n}년 전에 {city}에서 {event}를 했다."),
    ("health", "fact", "{ill} 때문에 {n}년째 약을 먹는다."), ("friend", "relationship", "친구 {name}는 {job}이다."),
    ("possession", "fact", "{city}에서 산 {hobby} 장비가 {n}개 있다."), ("goal", "fact", "{n}년 안에 {city}에서 {job}가 되고 싶어 한다."),
    ("other", "fact", "{when} {who}와 {city}에서 {food}를 먹었다."),
]  # fmt: skip
_QUESTIONS = [
    "우리 {who} 무슨 일 한다고 했지?", "{name} 요즘 밥을 안 먹어", "오늘 {food} 먹으러 갈까", "{city} 가 본 적 있어?",
    "{hobby} 하다가 다쳤어", "{event} 망한 것 같아", "{ill} 약 먹는 거 또 까먹었다", "오늘 진짜 심심하다", "{who}랑 싸웠어 ㅠㅠ",
    "나 {event} 언제라고 했더라", "비 오는 날엔 {food}지", "{job} 되려면 뭐 해야 돼?",
]  # fmt: skip


def _filled(form: str, dice: random.Random) -> str:
    return form.format(
        who=dice.choice(_WHO), city=dice.choice(_CITY), job=dice.choice(_JOB), food=dice.choice(_FOOD), pet=dice.choice(_PET),
        hobby=dice.choice(_HOBBY), name=dice.choice(_NAME), event=dice.choice(_EVENT), ill=dice.choice(_ILL),
        when=dice.choice(_WHEN), n=dice.randint(2, 60),
    )  # fmt: skip


def memories_of(account: str, count: int, seed: int = 0) -> list[Memory]:
    """Varied memories of one account, said over two years in chats of `PER_CHAT`."""
    dice = random.Random(f"{seed} {account}")
    found = []
    for index in range(count):
        slot, kind, form = dice.choice(_FORMS)
        text = _filled(form, dice)
        chat = f"{account}-{index // PER_CHAT}"
        said = NOW.timestamp() - dice.random() * 2 * 365 * 86400
        found.append(Memory(f"{account}-m{index}", account, chat, f"{chat}-{index}", kind, slot, text, text, said))
    return found


def questions(count: int, seed: int = 1) -> list[str]:
    dice = random.Random(seed)
    return [_filled(dice.choice(_QUESTIONS), dice) for _ in range(count)]


def fill(house: House, found: Sequence[Memory]) -> None:
    """Writes memories and the chats they were said in, as one import would."""
    import sqlalchemy as sa

    from rag import store

    chats: dict[str, list[Memory]] = {}
    for memory in found:
        chats.setdefault(str(memory.chat), []).append(memory)

    def job(connection: sa.Connection) -> None:
        for chat, said in chats.items():
            rows, parent = [], None
            for memory in said:
                for message in (str(memory.message), f"{memory.message}-reply"):
                    rows.append({"id": message, "parent": parent})
                    parent = message
            connection.execute(sa.text("INSERT INTO messages VALUES (:id, :parent)"), rows)
            values = {"id": chat, "account": said[0].account, "active": parent}
            connection.execute(sa.text("INSERT INTO chats VALUES (:id, :account, :active)"), values)
        connection.execute(store.memories.insert(), [store._row(memory) for memory in found])

    house.write(job)


class PlainChroma:
    """The same vectors in a collection of their own, asked without anything of ours around it."""

    def __init__(self, folder: Path, embedder: Any, found: Sequence[Memory]) -> None:
        import chromadb
        from chromadb.config import Settings

        self.embedder = embedder
        client = chromadb.PersistentClient(path=str(folder), settings=Settings(anonymized_telemetry=False))
        self.collection = client.create_collection("plain", configuration={"hnsw": {"space": "cosine"}})
        begin = time.perf_counter()
        for start in range(0, len(found), 1000):
            part = found[start : start + 1000]
            texts = [memory.text for memory in part]
            self.collection.add(
                ids=[memory.id for memory in part], embeddings=embedder.encode(texts), documents=texts,
                metadatas=[{"account": memory.account} for memory in part],
            )  # fmt: skip
        self.per_second = len(found) / (time.perf_counter() - begin)

    def query(self, account: str, text: str) -> None:
        vector = self.embedder.encode([text])[0]
        self.collection.query(query_embeddings=[vector], n_results=5, where={"account": account})


def milliseconds(job: Callable[[str], Any], texts: Sequence[str]) -> list[float]:
    found = []
    for text in texts:
        begin = time.perf_counter()
        job(text)
        found.append(1000 * (time.perf_counter() - begin))
    return found


@contextmanager
def filled(embedder: str, found: Sequence[Memory]) -> Iterator[tuple[House, Path, float]]:
    """Her memory with these memories in it; also a free folder, and how many a second the index took in."""
    from rag.memories import load_bundled_or_named

    with tempfile.TemporaryDirectory(prefix="ohlora-memory-") as folder:
        (Path(folder) / "house").mkdir()
        house = House(Path(folder) / "house", load_bundled_or_named, embedder)
        try:
            fill(house, found)
            house.memories.index.embedder.encode(["안녕"])
            begin = time.perf_counter()
            house.memories.rebuild()
            yield house, Path(folder) / "plain", len(found) / (time.perf_counter() - begin)
        finally:
            house.close()


def measure(embedder: str, count: int, accounts: int, rounds: int, asked: int) -> list[Row]:
    """Rows for ``count`` memories, shared evenly by ``accounts``."""
    names = [f"a{number}" for number in range(accounts)]
    found = [memory for name in names for memory in memories_of(name, count // accounts)]
    label = f"{count:,} memories" + (f" of {accounts} accounts" if accounts > 1 else "")
    progress(f"{label}: filling")
    with filled(embedder, found) as (house, folder, rebuilt):
        memories = house.memories
        progress(f"{label}: plain Chroma")
        plain = PlainChroma(folder, memories.index.embedder, found)
        account = names[0]
        last = max((memory for memory in found if memory.account == account), key=lambda m: str(m.chat))
        place = Place(str(last.chat), f"{last.message}-reply")

        def recall(text: str) -> None:
            memories.recall(account, text, place=place, now=NOW)

        progress(f"{label}: recall")
        first = milliseconds(recall, questions(1, seed=7))
        ours, theirs, parts = [], [], []
        for number in range(rounds):
            texts = questions(asked, seed=10 + number)
            ours.append(milliseconds(recall, texts))
            theirs.append(milliseconds(lambda text: plain.query(account, text), texts))
            parts.append(_parts(house, account, place, texts[: max(10, asked // 4)]))
        rows = []
        for q in (0.5, 0.95):
            mine, other = ([quantile(one, q) for one in side] for side in (ours, theirs))
            goal: tuple[str, bool | None] = ("", None)
            if q == 0.95 and count == 10_000 and accounts == 1:
                goal = ("p95 ≤ 20 ms", min(mine) <= 20)
            rows.append(Row(f"{label}: recall p{q * 100:.0f}", "ms", mine, other, ratios(mine, other), *goal))
        for name in parts[0]:
            rows.append(Row(f"  of that {name}, median", "ms", [one[name] for one in parts]))
        rows.append(Row("  first recall after the start", "ms", first))
        progress(f"{label}: writing")
        rows.append(Row("  recall after a memory was added, median", "ms", [_after_adding(house, account, recall)]))
        rows.append(Row("  write", "memories/s", [_written(house, account)]))
        rows.append(Row("  index made anew", "memories/s", [rebuilt], [plain.per_second], [rebuilt / plain.per_second]))
    return rows


def _parts(house: House, account: str, place: Place, texts: Sequence[str]) -> dict[str, float]:
    """Median milliseconds of recall's steps."""
    memories = house.memories
    serving = memories.index._serving
    if serving is None:
        raise RuntimeError("the index does not serve")
    known, _ = memories._read(lambda connection: memories._visible(connection, account, place))
    steps: dict[str, Callable[[str], Any]] = {
        "what holds (SQL)": lambda text: memories._read(
            lambda connection: memories._visible(connection, account, place)
        ),
        "words (morphemes, BM25)": known.words.search,
        "embedding": lambda text: serving.embedder.encode([text]),
        "Chroma": lambda text: memories.index.chroma.query(
            serving.collection, serving.embedder.encode([text])[0], account, ("live",), memories.weights.candidates
        ),
    }  # fmt: skip
    found = {name: quantile(milliseconds(step, texts), 0.5) for name, step in steps.items()}
    found["Chroma"] -= found["embedding"]
    return found


def _after_adding(house: House, account: str, recall: Callable[[str], None], times: int = 5) -> float:
    found = []
    for number in range(times):
        house.memories.add(account, f"{number}번째로 보탠 기억이다.")
        found += milliseconds(recall, questions(1, seed=100 + number))
    return quantile(found, 0.5)


def _written(house: House, account: str, times: int = 50) -> float:
    begin = time.perf_counter()
    for number in range(times):
        house.memories.add(account, f"{number}번째로 적은 기억이다.")
    return times / (time.perf_counter() - begin)


def progress(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description="Measures her memory.")
    parser.add_argument("--quick", action="store_true", help="1,000 and 10,000 memories, one repetition")
    parser.add_argument("--rounds", type=int, default=None, help="repetitions (default: 3)")
    parser.add_argument("--embedder", default="bundled", help="bundled, a folder or a hub id")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every measured value here")
    options = parser.parse_args(argv)
    rounds = options.rounds or (1 if options.quick else 3)
    rows = []
    for count in (1_000, 10_000) if options.quick else (1_000, 10_000, 100_000):
        for accounts in (1,) if options.quick else (1, 100):
            rows += measure(options.embedder, count, accounts, rounds, 40 if options.quick else 200)
    show("Recall against a plain Chroma query", rows, "ohlora", "Chroma")
    if options.json:
        save(options.json, "memory", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
