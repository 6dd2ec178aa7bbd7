"""Choosing her face on the page, with the real server and a random generator, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import server.app as app_module
from server import __main__ as program
from server.candidates import Eyes
from server.settings import Settings
from server.taste import Taste
from tests.tiny_face import tiny_face

from .page import Page
from .test_end_to_end import RealServer

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver import ActionChains, Keys

IDS = "return [...document.querySelectorAll('.face-card')].map((e) => e.dataset.face ?? null)"
PORTRAIT = "return document.querySelector('img.portrait')?.src"
NOW = "return document.querySelector('.face-now').src"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealServer]:
    """With the face in a folder, as ``--face`` gives it; all its faces are offered."""

    class PlainTaste(Taste):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, load=lambda: Eyes(None, None))

    monkeypatch.setattr(app_module, "Taste", PlainTaste)
    renderer = program.load_renderer(Settings(data=tmp_path, face=str(tiny_face(tmp_path / "face")), device="cpu"))
    server = RealServer(tmp_path, renderer)
    yield server
    server.close()
    assert renderer is not None
    renderer.close()


@pytest.fixture
def page(browser: Any, server: RealServer) -> Iterator[Page]:
    page = Page(browser, server)  # type: ignore[arg-type]
    browser.get(server.link)
    page.settled(1)
    page.until(lambda: page.js(PORTRAIT), "her portrait")
    yield page
    page.check()


def opened(page: Page) -> list[str]:
    """The window, opened from the stage; the ids of the faces in it."""
    page.one(".stage .face-choose").click()
    return offered(page, [])


def offered(page: Page, before: list[str]) -> list[str]:
    def others() -> list[str] | None:
        ids = page.js(IDS)
        return ids if len(ids) == 12 and None not in ids and ids != before else None

    return page.until(others, "other faces", 40)  # they are drawn first


def hearts(page: Page, face: str) -> int:
    return page.js(f"return document.querySelectorAll('[data-face={face}] .hearts .given').length")


def stored(server: RealServer) -> dict[str, int]:
    with server.app.services.database.engine.begin() as connection:
        return {row[0]: row[1] for row in connection.exec_driver_sql("SELECT face, rating FROM face_ratings")}


def button(page: Page, text: str) -> Any:
    buttons = page.all(".taste button")
    return page.until(lambda: [each for each in buttons if each.text == text and each.is_enabled()], text)[0]


def test_hearts_are_given_by_pointer_and_taken_back_by_a_second_press(page: Page, server: RealServer) -> None:
    first, second, *_ = opened(page)
    page.one(f"[data-face={first}] .hearts label:nth-child(4)").click()
    page.one(f"[data-face={second}] .hearts label:nth-child(2)").click()
    page.until(lambda: stored(server) == {first: 4, second: 2}, "both ratings")
    assert (hearts(page, first), hearts(page, second)) == (4, 2)
    page.one(f"[data-face={second}] .hearts label:nth-child(5)").click()
    page.until(lambda: stored(server) == {first: 4, second: 5}, "the changed rating")
    page.one(f"[data-face={first}] .hearts label:nth-child(4)").click()
    page.until(lambda: stored(server) == {second: 5}, "one rating less")
    assert hearts(page, first) == 0
    assert page.texts(".face-status") == ["1명을 평가했어요. 조금 더 알려 주면 취향을 더 잘 맞춰요."]


def test_the_keyboard_alone_rates_goes_on_and_chooses(page: Page, server: RealServer) -> None:
    page.js("document.querySelector('.stage .face-choose').focus()")
    page.press(Keys.ENTER)
    faces = offered(page, [])
    page.js("document.querySelector('.face-picture').focus()")
    page.press("5")
    page.press(Keys.TAB)  # to the hearts of the same face, where arrows count
    page.until(lambda: stored(server) == {faces[0]: 5}, "five hearts")
    page.press(Keys.ARROW_LEFT)
    page.until(lambda: stored(server) == {faces[0]: 4}, "four hearts")
    page.press("0")
    page.until(lambda: stored(server) == {}, "none")
    page.press("3")
    button(page, "다음 얼굴들").send_keys(Keys.ENTER)
    others = offered(page, faces)
    assert not set(others) & set(faces)
    page.until(lambda: page.js("return document.activeElement.className") == "face-picture", "the focus on a face")
    page.press(Keys.ENTER)
    button(page, "이 얼굴로").send_keys(Keys.ENTER)
    page.until(lambda: page.texts(".face-words b") == ["지금 얼굴 · 직접 골랐어요"], "the choice")
    assert server.run(server.app.services.taste.face_of(account(server))).key != first_key(server)


def account(server: RealServer) -> str:
    with server.app.services.database.engine.begin() as connection:
        return connection.exec_driver_sql("SELECT id FROM accounts").scalar_one()


def first_key(server: RealServer) -> str:
    return server.run(server.app.services.taste._first("")).key


def test_the_chosen_face_shows_at_once_on_the_stage_in_the_history_and_in_another_tab(
    page: Page, server: RealServer
) -> None:
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.driver.get(server.address)
    page.settled(1)
    old = page.until(lambda: page.js(PORTRAIT), "her portrait")
    page.driver.switch_to.window(first)
    opened(page)
    before = page.js(NOW)
    page.all(".face-picture")[3].click()
    shown = page.js("return document.querySelectorAll('.face-picture img')[3].src")
    button(page, "이 얼굴로").click()
    page.until(lambda: page.js(NOW) == shown, "the new face at the top")
    assert shown != before
    page.until(lambda: page.js(PORTRAIT) not in (None, old), "another portrait in the history")
    mine = page.js(PORTRAIT)
    page.driver.switch_to.window(page.driver.window_handles[-1])
    page.until(lambda: page.js(PORTRAIT) == mine, "the same in the other tab")
    page.driver.close()
    page.driver.switch_to.window(first)
    button(page, "처음 얼굴로").click()
    page.until(lambda: page.js(NOW) == before, "the first face at the top")
    page.until(lambda: page.js(PORTRAIT) == old, "and in the history")
    assert page.texts(".face-words b") == ["지금 얼굴 · 처음 얼굴이에요"]


def test_forgetting_the_ratings_is_asked_about_first(page: Page, server: RealServer) -> None:
    face = opened(page)[0]
    page.one(f"[data-face={face}] .hearts label:nth-child(5)").click()
    page.until(lambda: stored(server), "a rating")
    button(page, "평가 지우기").click()
    page.one(".confirm .danger").click()
    page.until(lambda: stored(server) == {}, "no rating")
    page.until(lambda: page.texts(".face-status")[0].startswith("마음에 드는 만큼"), "a new beginning")


def test_the_settings_lead_there_as_well(page: Page) -> None:
    page.one("[aria-label='설정']").click()
    page.one(".settings")
    page.js("[...document.querySelectorAll('.settings button')].find((b) => b.innerText === '얼굴 고르기').click()")
    assert len(offered(page, [])) == 12
    ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
    page.until(lambda: not page.all(".taste"), "the window closed")


def test_on_a_phone_two_faces_stand_side_by_side_and_hearts_can_be_hit(browser: Any, server: RealServer) -> None:
    page = Page(browser, server)  # type: ignore[arg-type]
    page.cdp("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=2, mobile=True)
    browser.get(server.link)
    page.settled(1)
    page.one(".stage-open").click()
    opened(page)
    boxes = page.js(
        "return [...document.querySelectorAll('.face-picture, .hearts label, .taste .dialog-actions .button')]"
        ".map((e) => e.getBoundingClientRect()).map((r) => [r.left, r.right, r.width, r.height])"
    )
    assert all(left >= 0 and right <= 390 for left, right, _, _ in boxes)
    assert min(min(width, height) for _, _, width, height in boxes) >= 30
    assert page.js("return document.querySelector('.taste .dialog-scroll').scrollWidth") <= 390
    tops = page.js("return [...document.querySelectorAll('.face-card')].map((e) => e.offsetTop)")
    assert tops.count(tops[0]) == 2
    page.check()


def test_where_she_has_no_face_there_is_none_to_choose(browser: Any, tmp_path: Path) -> None:
    server = RealServer(tmp_path)
    try:
        page = Page(browser, server)  # type: ignore[arg-type]
        browser.get(server.link)
        page.settled(1)
        assert page.js("return document.querySelector('.face-choose').hidden")
        page.one("[aria-label='설정']").click()
        page.one(".settings")
        assert "얼굴 고르기" not in page.texts(".settings")[0]
        page.check()
    finally:
        browser.get("about:blank")
        server.close()
