"""Her face on the page, in a real browser: frames on the stage, stillness where it is wanted, portraits in the history."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stylegan.renderer import FaceRenderer
from tests.tiny_face import tiny_generator

from .fake_server import COLOURS, Chat, FakeServer, Say
from .page import WATCH, Page
from .test_end_to_end import RealServer

MIDDLE = """
const canvas = document.querySelector("canvas.face");
return canvas.hidden ? null : [...canvas.getContext("2d").getImageData(16, 16, 1, 1).data].slice(0, 3);
"""


@pytest.fixture
def page(browser: Any, fake: FakeServer) -> Iterator[Page]:
    fake.face = True
    watch = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    page = Page(browser, fake)
    yield page
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watch)
    page.check()


def opened(page: Page, fake: FakeServer, emotion: str = "기쁨") -> Chat:
    """The page with a chat that ended in this emotion, and her face watched there."""
    chat = fake.add_chat("별 이야기", [("안녕", Say("왔구나!", emotion, 0.8))])
    page.open(settings={"meters": False})
    page.settled(3)
    return chat


def colour(page: Page) -> list[int] | None:
    """Of the middle of the stage's face; None while there is none."""
    return page.js(MIDDLE)


def is_near(found: list[int] | None, emotion: str) -> bool:
    return found is not None and all(abs(a - b) < 12 for a, b in zip(found, COLOURS[emotion], strict=True))


def is_between(found: list[int] | None) -> bool:
    """Whether it is a mixture of sadness and joy."""
    return found is not None and COLOURS["슬픔"][0] + 20 < found[0] < COLOURS["기쁨"][0] - 20


def watched(page: Page, fake: FakeServer) -> None:
    page.until(lambda: fake.watching, "a watched face")
    page.until(lambda: page.js("return document.querySelector('.message') !== null"), "messages")


def test_frames_of_her_face_are_drawn_on_the_stage_and_fade_into_each_other(page: Page, fake: FakeServer) -> None:
    opened(page, fake)
    watched(page, fake)
    assert colour(page) is None, "nothing is shown before there is a frame"

    def shown(emotion: str, milliseconds: int) -> bool:
        fake.show(emotion, milliseconds)
        return is_near(colour(page), emotion)

    page.until(lambda: shown("슬픔", 0), "the first frame")
    # Between two frames stands what is between them; the test turns the browser's clock by hand.
    page.js("window.due = []; window.requestAnimationFrame = (draw) => due.push([draw, performance.now()]);")
    fake.show("기쁨", 150)
    turn = "for (const [draw, at] of due.splice(0)) draw(at + arguments[0]);"
    page.until(
        lambda: page.js("return due.length") and page.js(turn, 60) is None and is_between(colour(page)), "the fade"
    )
    page.until(lambda: page.js(turn, 1000) is None and is_near(colour(page), "기쁨"), "the second frame")
    assert page.one("canvas.face").get_attribute("aria-label") == "기쁜 표정의 오로라"
    assert page.one("canvas.face").get_attribute("role") == "img"


def test_frames_of_an_earlier_watch_are_thrown_away(page: Page, fake: FakeServer) -> None:
    opened(page, fake)
    watched(page, fake)
    page.until(lambda: fake.show("슬픔") and is_near(colour(page), "슬픔"), "the first frame")
    connection, (chat, number) = next(iter(fake.watching.items()))
    fake.watching[connection] = (chat, number + 40)
    fake.show("놀람", 100)
    fake.watching[connection] = (chat, number)
    time.sleep(0.3)
    assert is_near(colour(page), "슬픔")


def test_a_hidden_page_does_not_watch_and_a_shown_one_does_again(page: Page, fake: FakeServer) -> None:
    opened(page, fake)
    watched(page, fake)
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.until(lambda: not fake.watching, "the end of the watch")
    page.driver.close()
    page.driver.switch_to.window(first)
    page.until(lambda: fake.watching, "a new watch")


def test_another_chat_is_watched_when_it_is_opened(page: Page, fake: FakeServer) -> None:
    first = fake.add_chat("어제", [("안녕", Say("응", "평온", 0.5))], age=5000)
    second = opened(page, fake)
    page.until(lambda: [chat for chat, _ in fake.watching.values()] == [second.id], "the newest chat")
    page.js("[...document.querySelectorAll('.sidebar button')].find((b) => b.innerText.includes('어제')).click()")
    page.until(lambda: [chat for chat, _ in fake.watching.values()] == [first.id], "the other chat")


def test_after_a_lost_connection_her_face_comes_back(page: Page, fake: FakeServer) -> None:
    page.expects_errors = True
    opened(page, fake)
    watched(page, fake)
    fake.drop()
    page.until(lambda: not fake.watching, "the loss")
    page.until(lambda: fake.watching, "the new watch", 20)
    page.until(lambda: fake.show("놀람") and is_near(colour(page), "놀람"), "a frame")


def test_with_reduced_motion_a_still_changes_with_what_she_feels(page: Page, fake: FakeServer) -> None:
    page.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    opened(page, fake, "슬픔")
    page.until(lambda: is_near(colour(page), "슬픔"), "a sad still")
    fake.replies.append(Say("우와!", "놀람", 1.0))
    page.say("짜잔")
    page.until(lambda: is_near(colour(page), "놀람"), "a surprised still")
    assert page.one("canvas.face").get_attribute("aria-label") == "놀란 표정의 오로라"
    assert fake.of_type("face.watch") == []
    page.settled(5)


def test_beside_each_of_her_messages_is_her_face_with_what_she_felt(page: Page, fake: FakeServer) -> None:
    turns = [("하나", Say("응", "슬픔", 0.8)), ("둘", Say("그래", "기쁨", 0.75)), ("셋", Say("또", "기쁨", 0.8))]
    fake.add_chat("여러 말", turns)
    page.open()
    page.until(lambda: len(page.all("img.portrait")) >= 3, "portraits")
    alts = page.js("return [...document.querySelectorAll('img.portrait')].map((e) => e.alt)")
    assert alts[-3:] == ["슬픈 표정의 오로라", "기쁜 표정의 오로라", "기쁜 표정의 오로라"]
    page.until(
        lambda: page.js("return [...document.querySelectorAll('img.portrait')].every((e) => e.naturalWidth)"),
        "whole pictures",
    )
    asked = [(each["data"]["emotion"], each["data"]["strength"]) for each in fake.of_type("face.still")]
    assert len(asked) == len(set(asked)), "each is asked for once"
    assert ("기쁨", 0.75) in asked


def test_a_reply_gets_its_portrait_when_she_feels(page: Page, fake: FakeServer) -> None:
    opened(page, fake)
    fake.replies.append(Say("어머나", "놀람", 1.0))
    fake.hold_after = 1
    page.say("비밀 알려 줄까?")
    page.until(
        lambda: (
            page.js("return document.querySelector('.message:last-child img.portrait')?.alt") == "놀란 표정의 오로라"
        ),
        "the portrait, while the reply is written",
    )
    fake.release()
    page.settled(5)


def test_writing_is_hinted_at_and_not_at_every_key(page: Page, fake: FakeServer) -> None:
    opened(page, fake)
    page.box.send_keys("안녕 오로라")
    page.until(lambda: fake.of_type("turn.typing"), "a hint")
    assert len(fake.of_type("turn.typing")) <= 2


def test_without_a_face_the_light_is_alone(browser: Any, fake: FakeServer) -> None:
    page = Page(browser, fake)
    opened(page, fake)
    page.box.send_keys("안녕")
    page.until(lambda: page.js("return document.querySelector('canvas.sky').width") > 0, "the sky")
    assert page.js("return document.querySelector('canvas.face').hidden")
    assert page.all("img.portrait") == []
    assert page.all(".orb.has-face") == []
    for kind in ("face.watch", "face.still", "turn.typing"):
        assert fake.of_type(kind) == []


def test_on_a_phone_she_is_watched_only_while_her_band_is_open(page: Page, fake: FakeServer) -> None:
    page.cdp("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=2, mobile=True)
    opened(page, fake)
    time.sleep(0.4)
    assert not fake.watching
    page.one(".stage-open").click()
    page.until(lambda: fake.watching, "a watch")
    page.until(lambda: fake.show("기쁨") and is_near(colour(page), "기쁨"), "a frame")
    box = page.js(
        "const r = document.querySelector('canvas.face').getBoundingClientRect(); return [r.left, r.right, r.height]"
    )
    assert box[0] >= 0
    assert box[1] <= 390
    assert box[2] > 150
    page.one(".stage-open").click()
    page.until(lambda: not fake.watching, "the end of it")


def test_the_real_server_brings_her_to_life(browser: Any, tmp_path: Path) -> None:
    """Pictures change by themselves while nothing is said, and in the history stands her face."""
    renderer = FaceRenderer(tiny_generator(), threads=1)
    server = RealServer(tmp_path, renderer)
    try:
        page = Page(browser, server)
        browser.get(server.link)
        page.settled(1)
        page.until(lambda: colour(page), "her face")
        shot = "return document.querySelector('canvas.face').toDataURL()"
        seen = {page.js(shot)}
        page.until(lambda: seen.add(page.js(shot)) or len(seen) > 4, "movement")
        page.until(lambda: page.all("img.portrait"), "a portrait")
        page.say("안녕")
        page.settled(3)
        page.check()
        browser.get("about:blank")
        services = server.app.services
        page.until(lambda: not services.faces._live, "nobody watching")
    finally:
        server.close()
        renderer.close()
