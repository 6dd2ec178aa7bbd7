"""Choosing her face over the socket: galleries follow what was rated, and the choice holds everywhere and for good."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image

import server.app as app_module
from server import protocol
from server.candidates import BATCH, Eyes
from server.storage import migrations
from server.storage.database import Database
from server.storage.schema import accounts, face_choices, face_ratings
from server.taste import GALLERY, Taste, number_of
from stylegan.candidates import candidate
from stylegan.filters import FilterConfig, Filters
from stylegan.renderer import FaceRenderer
from tests.fakes import Client, Refused
from tests.server.conftest import Running, Start
from tests.tiny_face import tiny_generator


class BlondEyes(Eyes):
    """Sees the hair colour that was asked for, and nothing else."""

    def __init__(self, filters: Any = None) -> None:
        super().__init__(None, filters)

    def vectors(self, faces: Any, pictures: np.ndarray) -> np.ndarray:
        return np.array([[face.attributes["hair_color"]] for face in faces], np.float32)


class StrictFilters:
    """Finds every third picture spoilt, and half of the others men, by the order in which they come."""

    config = FilterConfig(quality=0.5)

    def __init__(self) -> None:
        self.seen = 0

    def measure(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        at = self.seen + np.arange(len(pictures))
        self.seen += len(pictures)
        return {"quality": np.where(at % 3 == 0, 0.1, 0.9), "gender": np.where(at % 2 == 0, 0.9, 0.1)}


@pytest.fixture(scope="module")
def renderer() -> Iterator[FaceRenderer]:
    renderer = FaceRenderer(tiny_generator(), threads=1)
    yield renderer
    renderer.close()


@pytest.fixture(autouse=True)
def eyes(monkeypatch: pytest.MonkeyPatch) -> list[Eyes]:
    """What the next server looks at faces with: the first of the list."""
    chosen: list[Eyes] = [BlondEyes()]

    class SeeingTaste(Taste):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, load=lambda: chosen[0])

    monkeypatch.setattr(app_module, "Taste", SeeingTaste)
    return chosen


async def gallery(client: Client, round: int = 0, **more: Any) -> dict[str, Any]:
    return (await client.ask("face.gallery", round=round, **more))["data"]


def hair(face: str) -> float:
    return candidate(number_of(face), 64).attributes["hair_color"]


def rows(server: Running, table: sa.Table) -> list[Any]:
    with server.app.services.database.engine.begin() as connection:
        return list(connection.execute(sa.select(table)))


async def test_a_newcomer_is_offered_twelve_different_faces_and_sees_her_own(
    start: Start, renderer: FaceRenderer
) -> None:
    client = await (await start(renderer=renderer)).client()
    found = await gallery(client)
    faces = found["faces"]
    assert len({face["id"] for face in faces}) == GALLERY
    assert [face["expected"] for face in faces] == [None] * GALLERY
    assert (found["ratings"], found["exploring"]) == (0, 1.0)
    assert found["current"]["id"] is None
    pictures = [Image.open(io.BytesIO(base64.b64decode(face["base64"]))) for face in [*faces, found["current"]]]
    assert {(picture.format, picture.size) for picture in pictures} == {("WEBP", (32, 32))}
    hairs = sorted(hair(face["id"]) for face in faces)
    assert max(b - a for a, b in itertools.pairwise(hairs)) < 0.2, "they are spread over what there is"


async def test_the_next_faces_are_new_and_follow_what_was_rated(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client = await server.client()
    seen: list[str] = []
    for round in range(3):
        found = await gallery(client, round)
        ids = [face["id"] for face in found["faces"]]
        assert not set(ids) & set(seen)
        seen += ids
        for face in ids:
            rating = 1 + round_to(4 * (hair(face) - 0.08) / 0.77)  # the brighter, the better
            answer = (await client.ask("face.rate", face=face, rating=rating))["data"]
            assert (answer["face"], answer["rating"]) == (face, rating)
    found = await gallery(client, 3)
    liked = [hair(face["id"]) for face in found["faces"]]
    assert found["ratings"] == 36
    assert np.mean(liked[:8]) > 0.62, "the mean of all candidates is 0.465"
    expected = [face["expected"] for face in found["faces"]]
    assert expected[0] > 4
    assert expected[0] > expected[-1] - 1e-9


def round_to(value: float) -> int:
    return max(0, min(4, round(value)))


async def test_a_rating_can_be_changed_and_taken_back(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client = await server.client()
    counts = [
        (await client.ask("face.rate", face=face, rating=rating))["data"]["ratings"]
        for face, rating in (("n1", 5), ("n2", 3), ("n1", 2), ("n2", None), ("n2", None))
    ]
    assert counts == [1, 2, 2, 1, 1]
    [row] = rows(server, face_ratings)
    assert (row.face, row.rating) == ("n1", 2)
    assert json.loads(row.latent) == pytest.approx(candidate(1, 64).latent.tolist(), abs=1e-5)
    assert json.loads(row.attributes) == candidate(1, 64).attributes


async def test_a_chosen_face_is_hers_at_once_on_all_pages_of_the_account_only(
    start: Start, renderer: FaceRenderer
) -> None:
    server = await start(renderer=renderer)
    one, two, other = await server.client(), await server.client(), await server.client("다른이")
    chat = await one.new_chat()
    before = (await one.ask("face.watch", chat))["data"]["face"]
    still = (await one.ask("face.still", chat, emotion="기쁨"))["data"]
    told = (await one.ask("face.choose", face="n7"))["data"]["current"]
    assert told["id"] == "n7"
    assert told["face"] != before
    assert (await two.wait("face.chosen"))["data"]["current"] == told
    assert [event for event in one.events if event["type"] == "face.chosen"] == []
    live = server.app.services.faces._live[chat]
    assert live.face.latent.tolist() == pytest.approx(candidate(7, 64).latent.tolist(), abs=1e-5)
    assert live.face.attributes == candidate(7, 64).attributes
    assert (await one.ask("face.still", chat, emotion="기쁨"))["data"]["base64"] != still["base64"]
    strange = await other.new_chat()
    assert (await other.ask("face.watch", strange))["data"]["face"] == before
    assert [event for event in other.events if event["type"] == "face.chosen"] == []


async def test_choice_and_ratings_are_there_after_a_restart(start: Start, renderer: FaceRenderer) -> None:
    first = await start(renderer=renderer)
    client = await first.client()
    await client.ask("face.rate", face="n3", rating=5)
    chosen = (await client.ask("face.choose", face="n9"))["data"]["current"]
    await client.close()
    await first.app.close()
    second = await start(renderer=renderer)
    found = await gallery(await second.client())
    assert found["current"]["face"] == chosen["face"]
    assert found["ratings"] == 1
    assert "n3" not in {face["id"] for face in found["faces"]}


async def test_the_first_face_comes_back_and_the_ratings_go_only_where_that_is_asked_for(
    start: Start, renderer: FaceRenderer
) -> None:
    server = await start(renderer=renderer)
    client = await server.client()
    first = (await gallery(client))["current"]
    await client.ask("face.rate", face="n3", rating=5)
    await client.ask("face.choose", face="n9")
    back = (await client.ask("face.reset"))["data"]["current"]
    assert (back["id"], back["face"]) == (None, first["face"])
    assert len(rows(server, face_ratings)) == 1
    assert rows(server, face_choices) == []
    await client.ask("face.reset", ratings=True)
    assert rows(server, face_ratings) == []


async def test_what_is_known_of_a_taste_goes_with_the_account(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client, other = await server.client("간다"), await server.client("남는다")
    for each in (client, other):
        await each.ask("face.rate", face="n3", rating=5)
        await each.ask("face.choose", face="n9")

    def remove(connection: sa.Connection) -> None:
        gone = connection.execute(sa.select(accounts.c.id).where(accounts.c.name == "간다")).scalar_one()
        connection.execute(sa.text("DELETE FROM tokens WHERE account = :gone"), {"gone": gone})
        connection.execute(accounts.delete().where(accounts.c.id == gone))

    server.app.services.database.write_now(remove)
    assert len(rows(server, face_ratings)) == 1
    assert len(rows(server, face_choices)) == 1


async def test_filters_drop_spoilt_faces_and_the_card_says_which_gender_is_meant(
    start: Start, renderer: FaceRenderer, eyes: list[Eyes]
) -> None:
    eyes[0] = BlondEyes(StrictFilters())
    client = await (await start(renderer=renderer)).client()
    chat = await client.new_chat()
    answer = (await client.ask("face.gallery", chat, round=0))["data"]
    assert answer["gender"] == "female"
    numbers = [number_of(face["id"]) for face in answer["faces"]]
    assert len(numbers) == GALLERY
    assert all(number % 3 and number % 2 == 0 for number in numbers)
    everybody = [number_of(face["id"]) for face in (await gallery(client, gender="all"))["faces"]]
    assert all(number % 3 for number in everybody)
    assert {number % 2 for number in everybody} == {0, 1}


async def test_filters_that_know_no_such_faces_are_left_out(
    start: Start, renderer: FaceRenderer, eyes: list[Eyes]
) -> None:
    filters = Filters(FilterConfig(resolution=32, widths=(4, 4), quality=2.0))  # serves nothing
    eyes[0] = BlondEyes(filters)
    client = await (await start(renderer=renderer)).client()
    assert len((await gallery(client))["faces"]) == GALLERY


async def test_live_frames_come_in_between_while_faces_are_drawn_to_choose_from(
    start: Start, renderer: FaceRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody watches, candidates are drawn one at a time, with rests; else some at once."""
    server = await start(renderer=renderer)
    sizes: list[int] = []
    plain = renderer.render

    def render(latents: Any, attributes: Any) -> Any:
        sizes.append(len(latents))
        return plain(latents, attributes)

    monkeypatch.setattr(renderer, "render", render)
    client = await server.client()
    chat = await client.new_chat()
    await client.ask("face.watch", chat, fps=30)
    before = len(client.pictures)
    await gallery(client)
    assert set(sizes) == {1}
    assert len(client.pictures) > before, "she went on moving"
    await client.ask("face.watch", chat, on=False)
    sizes.clear()
    async with asyncio.timeout(10):
        while BATCH not in sizes:
            await asyncio.sleep(0.02)


async def test_what_is_no_face_cannot_be_rated_or_chosen(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client = await server.client()
    for face in ("n2000", "n99999", "7", "x1"):
        with pytest.raises(Refused, match="not_found"):
            await client.ask("face.choose", face=face)
        with pytest.raises(Refused, match="not_found"):
            await client.ask("face.rate", face=face, rating=3)
    for rating in (0, 6, 2.5, "5"):
        with pytest.raises(Refused, match="bad_request"):
            await client.ask("face.rate", face="n1", rating=rating)
    with pytest.raises(Refused, match="not_found"):
        await client.ask("face.gallery", "no-such-chat", round=0)


async def test_a_server_without_a_face_has_none_to_choose(start: Start) -> None:
    client = await (await start()).client()
    for type, data in (("face.gallery", {}), ("face.rate", {"face": "n1", "rating": 3}), ("face.choose", {"face": "n1"}),
                       ("face.reset", {})):  # fmt: skip
        with pytest.raises(Refused, match="꺼져"):
            await client.ask(type, **data)


def test_a_database_of_before_gets_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    all_of_them = list(migrations.MIGRATIONS)
    before = [name for name, _ in all_of_them].index("0005_taste")
    monkeypatch.setattr(migrations, "MIGRATIONS", all_of_them[:before])
    Database(url).close()
    monkeypatch.setattr(migrations, "MIGRATIONS", all_of_them)
    database = Database(url)
    with database.engine.begin() as connection:
        assert list(connection.execute(sa.select(face_ratings))) == []
        assert list(connection.execute(sa.select(face_choices))) == []
    database.close()


def test_the_protocol_names_the_messages_both_ways() -> None:
    for type in ("face.gallery", "face.rate", "face.choose", "face.reset"):
        assert type in protocol.CLIENT_MESSAGES
    for type in ("face.gallery", "face.rated", "face.chosen"):
        assert type in protocol.SERVER_MESSAGES
