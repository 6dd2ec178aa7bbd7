"""Warnings, bans, appeals and help in the page, against the real server: what a user and an operator see."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from character.conduct import voice
from server.app import App
from server.commands.accounts import login_link
from server.settings import Settings
from server.storage import accounts
from tests.fakes import ScriptedModel, calm
from tests.scripted_judge import WordJudge

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver.common.by import By

from .test_end_to_end import RealServer
from .test_page import Page


class JudgedServer(RealServer):
    """The real server in a thread of its own, with a scripted model and a judge that goes by words."""

    def __init__(self, data: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        settings = Settings(port=0, data=data, turns_per_minute=6000, turn_burst=1000, memory="off")
        self.app = App(settings, ScriptedModel(pace=0.01), calm, conduct_judge=WordJudge())
        self.run(self.app.start())
        self.address = f"http://127.0.0.1:{self.app.port}"
        database = self.app.services.database
        database.write_now(lambda connection: accounts.add_account(connection, "minji"))
        database.write_now(lambda connection: accounts.add_account(connection, accounts.LOCAL))
        self.links = {name: login_link(database, settings, self.app.port, name) for name in ("minji", accounts.LOCAL)}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[JudgedServer]:
    server = JudgedServer(tmp_path)
    yield server
    server.close()


@pytest.fixture
def page(browser: Any, server: JudgedServer) -> Iterator[Page]:
    page = Page(browser, server)
    browser.get(server.links["minji"])
    page.settled(1)
    yield page
    page.check()


def said(reply: str, *place: str) -> bool:
    """Whether a reply is one of her written lines."""
    return reply in [line.partition("> ")[2] for line in voice.lines(*place)]


def press(page: Page, css: str, label: str) -> None:
    page.until(lambda: label in page.texts(css), f"{label} among {css}")
    shown = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility() && e.innerText === arguments[1])"
    [found] = page.js(shown, css, label)
    page.js("arguments[0].scrollIntoView({block: 'center'})", found)
    page.until(found.is_displayed, f"{label} to come into view")
    found.click()


def insulted_twice(page: Page) -> None:
    page.say("이 바보야")
    page.settled(3)
    page.say("바보라니까")
    page.until(lambda: page.texts(".banned"), "the banner")
    page.settled(5)


def test_an_insult_is_warned_of_by_her_and_a_second_one_pauses_the_chat_until_the_operator_lifts_it(
    page: Page, server: JudgedServer
) -> None:
    page.say("이 바보야")
    page.settled(3)
    assert said(page.words()[-1], "insult", "warn")
    [mark] = page.texts(".message.user .conduct")
    assert "경고 · 욕설·모욕" in mark
    assert "대화가 잠시 막힐 수 있어요" in mark
    assert page.texts(".chip-word")[-1] in ("슬픔", "분노", "평온", "혐오", "놀람")

    page.say("바보라니까")
    page.until(lambda: page.texts(".banned"), "the banner")
    page.settled(5)
    assert said(page.words()[-1], "insult", "ban")
    [banner] = page.texts(".banned")
    assert "욕설·모욕에 해당하는 말이" in banner
    first = page.texts(".ban-left")[0]
    assert first.endswith("뒤에 다시 이야기할 수 있어요")
    assert first.startswith(("9분", "10분"))
    page.until(lambda: page.texts(".ban-left")[0] != first, "the countdown")
    assert page.texts(".composer-box") == []
    assert page.js("return document.querySelector(\".message.last button[aria-label='다른 대답 듣기']\").disabled")

    page.driver.refresh()  # what holds, holds after a reload
    page.until(lambda: page.texts(".banned"), "the banner")
    page.settled(5)
    assert len(page.texts(".conduct")) == 2

    press(page, ".banned button", "이의 제기")
    page.one(".appeal textarea").send_keys("친구한테 하려던 말이었어요")
    press(page, ".appeal button", "보내기")
    page.until(lambda: "이의를 보냈어요. 운영자가 볼 거예요." in page.texts(".banned button"), "the appeal is known")
    assert not page.all("dialog[open]")

    user = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    operate(page, server)
    page.driver.switch_to.window(user)
    page.until(lambda: page.texts(".composer-box") or page.box.is_displayed(), "the box is back without a reload")
    page.until(lambda: not page.texts(".banned"), "no banner")
    assert "운영자가 이 판단을 취소했어요" in page.texts(".message.user .conduct")[0]
    page.say("고마워")
    page.settled(7)
    assert page.words()[-1].startswith("고마워라고 했지?")


def operate(page: Page, server: JudgedServer) -> None:
    """Lifts the first warning on the operator's page, as the machine's own account."""
    token = server.app.services.database.write_now(
        lambda connection: accounts.issue_token(connection, accounts.find_account(connection, accounts.LOCAL))
    )
    page.driver.get(f"{server.address}/admin")
    kept = page.js("return localStorage.getItem('ohlora.token')")
    page.js("localStorage.setItem('ohlora.token', arguments[0])", token)
    page.driver.get(f"{server.address}/admin")
    page.until(lambda: len(page.texts(".admin-row")) == 2, "two decisions")
    tiles = dict(tile.split("\n") for tile in page.texts(".tile"))
    assert (tiles["기록"], tiles["지금 막힌 계정"], tiles["기다리는 이의"]) == ("2", "1", "1")
    newest, oldest = page.texts(".admin-row")
    assert "친구한테 하려던 말이었어요" in newest
    assert "이 바보야" in oldest
    assert "the word 바보" in oldest
    warning = page.all(".admin-row")[1]
    warning.find_element(By.CSS_SELECTOR, "input").send_keys("농담으로 보여요.")
    warning.find_element(By.CSS_SELECTOR, "button.primary").click()
    page.until(lambda: "취소했어요. 뒤따른 1건도 다시 정했어요." in "".join(page.texts(".toast")), "the toast")
    page.until(lambda: "취소됨" in page.texts(".admin-row .badge"), "the row shows it")
    page.js("localStorage.setItem('ohlora.token', arguments[0])", kept)


def test_a_countdown_that_ends_gives_the_box_back_by_itself(page: Page, server: JudgedServer) -> None:
    insulted_twice(page)
    database = server.app.services.database
    soon = time.time() + 8
    database.write_now(lambda c: c.exec_driver_sql("UPDATE decisions SET until = ? WHERE step = 'ban'", (soon,)))
    page.driver.refresh()
    page.until(lambda: page.texts(".ban-left"), "the countdown")
    page.until(lambda: not page.texts(".banned") and page.box.is_displayed(), "the box", 15)
    page.settled(5)
    page.say("다시 왔어")
    page.settled(7)
    assert "다시 왔어라고 했지?" in page.words()[-1]


def test_a_cry_for_help_is_answered_with_numbers_to_tap(page: Page) -> None:
    page.say("나 그냥 사라지고 싶어")
    page.settled(3)
    assert said(page.words()[-1], "self_harm", "care")
    [card] = page.texts(".message.reply .conduct.care")
    assert "혼자 견디지 않아도 돼요" in card
    assert page.js("return [...document.querySelectorAll('.care a')].map((a) => a.getAttribute('href'))") == [
        "tel:109",
        "tel:1388",
    ]
    assert page.box.is_displayed()
    page.driver.refresh()
    page.settled(3)
    assert len(page.texts(".conduct.care")) == 1


def test_the_settings_show_what_was_decided_why_and_until_when(page: Page) -> None:
    insulted_twice(page)
    page.one("button[aria-label='설정']").click()
    press(page, ".dialog button", "내 기록 보기")
    page.until(lambda: len(page.texts(".record-row")) == 2, "two rows")
    ban, warning = page.texts(".record-row")
    assert "대화 멈춤 · 욕설·모욕" in ban
    assert "바보라니까" in ban
    assert "까지" in ban
    assert "경고 · 욕설·모욕" in warning
    press(page, ".record-row.warn button", "이의 제기")
    page.one(".appeal textarea").send_keys("가" * 501)
    assert "1자를 줄여 주세요" in page.texts(".appeal .counter")
    page.one(".appeal textarea").clear()
    page.one(".appeal textarea").send_keys("농담이었어요")
    press(page, ".appeal button", "보내기")
    page.until(lambda: "보낸 이의: 농담이었어요" in "".join(page.texts(".record-row")), "the appeal in the list")


def test_the_operators_page_shows_nothing_to_anybody_else(page: Page, server: JudgedServer) -> None:
    page.driver.get(f"{server.address}/admin")
    page.until(lambda: "운영자 계정으로만 볼 수 있어요." in page.texts(".admin-message"), "the refusal")
    assert page.texts(".admin-row") == []
    page.js("localStorage.clear()")
    page.driver.get(f"{server.address}/admin")
    page.until(lambda: "먼저 대화 화면에서 로그인해 주세요." in page.texts(".admin-message"), "the way in")


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_banner_fits_a_phone_in_both_languages(page: Page, language: str) -> None:
    insulted_twice(page)
    page.js("localStorage.setItem('ohlora.settings', JSON.stringify({language: arguments[0]}))", language)
    page.cdp("Emulation.setDeviceMetricsOverride", width=360, height=640, deviceScaleFactor=2, mobile=True)
    page.driver.refresh()
    page.until(lambda: page.texts(".banned"), "the banner")
    assert page.js("return document.documentElement.scrollWidth <= 360")
    box = page.js("return document.querySelector('.banned').getBoundingClientRect().toJSON()")
    assert box["left"] >= 0
    assert box["right"] <= 360
    assert box["height"] < 320
