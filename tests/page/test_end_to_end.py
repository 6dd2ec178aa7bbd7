"""The page and the real server together, in a real browser: what a newcomer does in the first ten minutes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.app import App
from server.commands.accounts import login_link
from server.settings import Settings
from server.storage import accounts
from tests.fakes import ScriptedModel, calm

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

from .test_page import Page


class RealServer:
    """The real server in a thread of its own, with a scripted language model."""

    def __init__(self, data: Path, renderer: Any = None) -> None:
        self.model = ScriptedModel(pace=0.02)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.settings = Settings(port=0, data=data, turns_per_minute=6000, turn_burst=1000, memory="off")
        self.app = App(self.settings, self.model, calm, renderer=renderer)
        self.run(self.app.start())
        self.address = f"http://127.0.0.1:{self.app.port}"
        database = self.app.services.database
        database.write_now(lambda connection: accounts.add_account(connection, accounts.LOCAL))
        self.link = login_link(database, self.settings, self.app.port, accounts.LOCAL)

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def close(self) -> None:
        self.run(self.app.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    server = RealServer(tmp_path)
    yield server
    server.close()


@pytest.fixture
def page(browser: Any, server: RealServer) -> Iterator[Page]:
    """The page, logged in through the one-time link that the server prints."""
    page = Page(browser, server)  # type: ignore[arg-type]
    browser.get(server.link)
    page.settled(1)
    yield page
    page.check()


def test_a_newcomer_talks_three_turns_stops_one_retries_one_and_edits_one(page: Page, server: RealServer) -> None:
    for number, text in enumerate(("안녕", "나는 민지야", "오늘 뭐 했어?"), 1):
        page.say(text)
        page.settled(1 + 2 * number)
        assert page.words()[-1] == f"{text}라고 했지? 응, 잘 들었어."
    assert page.texts(".chip-word")[-1] == "기쁨"

    server.model.script = lambda request: ["<감정:놀람:0.6> 옛날", " 옛적에", *(f" {i}" for i in range(2000))]
    page.say("길게 얘기해 줘")
    page.until(lambda: "옛적에 0 1 2" in page.words()[-1], "the long story")
    page.one("button.stop:not([hidden])").click()
    page.settled(9)
    kept = page.words()[-1]
    assert kept.startswith("옛날 옛적에 0 1 2")
    assert "1999" not in kept

    server.model.script = lambda request: ["<감정:평온:0.5> ", "짧게 할게."]
    page.tool("다른 대답 듣기")
    page.until(lambda: page.words()[-1] == "짧게 할게.", "the other reply")
    assert page.texts(".pager-count")[-1] == "2/2"

    ActionChains(page.driver).move_to_element(page.all(".message.user")[1]).perform()
    page.all(".message.user")[1].find_element(By.CSS_SELECTOR, "button[aria-label='고치기']").click()
    box = page.one(".message.editing textarea")
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys("나는 서연이야", Keys.ENTER)
    page.settled(5)
    assert page.words()[-2:] == ["나는 서연이야", "짧게 할게."]
    page.until(lambda: page.texts(".message.user .pager-count") == ["2/2"], "one message in two versions")

    database = server.app.services.database
    with database.engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT role, text, status FROM messages ORDER BY position").all()
    assert ("user", "나는 민지야", "complete") in [tuple(row) for row in rows]
    assert ("assistant", kept, "stopped") in [tuple(row) for row in rows]


def test_a_reload_in_the_middle_of_a_reply_sees_it_complete(page: Page, server: RealServer) -> None:
    pieces = [f" {i}번째" for i in range(120)]
    server.model.script = lambda request: ["<감정:기쁨:0.5>", *pieces]
    page.say("세어 봐")
    page.until(lambda: "5번째" in page.words()[-1], "the first words")
    page.driver.refresh()
    page.until(lambda: page.words() and page.words()[-1] == "".join(pieces).strip(), "the whole reply", 15)


def test_two_tabs_keep_in_step(page: Page, server: RealServer) -> None:
    one = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.driver.get(server.address)
    page.settled(1)
    page.say("둘 다 보여?")
    page.settled(3)
    second = page.words()
    page.driver.switch_to.window(one)
    page.until(lambda: page.words() == second, "the same words in the other tab")
