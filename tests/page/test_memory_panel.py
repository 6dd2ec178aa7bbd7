"""What the page shows of her memory: the window, the lines below messages, and the question whether to forget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from server import protocol as p

from .fake_server import FakeServer, Say

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver import Keys

from .page import WATCH, Page


@pytest.fixture
def page(browser: Any, fake: FakeServer) -> Iterator[Page]:
    watch = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    page = Page(browser, fake)
    # The moving light plays no part here and would keep a processor busy.
    page.cdp("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    yield page
    page.check()
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watch)


def fill(fake: FakeServer) -> None:
    fake.remember("떡볶이를 좋아한다.", "preference", age=90_000, quote="나 떡볶이 좋아해")
    fake.remember(
        "서울에서 산다.", age=50, quote="이제 서울에서 살아",
        earlier=[p.EarlierMemory(id="old", text="전주에서 산다.", said=1_700_000_000)],
    )  # fmt: skip
    fake.remember(
        "면접이 있다.", "event", age=70, quote="12월 3일에 면접 있어", valid_from="2026-12-03", valid_until="2026-12-03"
    )
    fake.remember("생일은 3월 2일이다.", age=10)


def opened(page: Page) -> None:
    page.one("[aria-label='오로라가 기억하는 것 보기']").click()
    page.until(
        lambda: page.texts(".memory") or page.texts(".memory-status") not in ([], ["기억을 가져오는 중…"]),
        "her memories",
    )


def words(page: Page) -> list[str]:
    return page.texts(".memory-text")


def test_what_she_remembers_stands_there_by_kind_with_quote_date_and_what_it_took_the_place_of(page: Page) -> None:
    fill(page.fake)
    page.open()
    opened(page)
    assert page.texts(".dialog h2") == ["오로라가 기억하는 것"]
    assert page.texts(".memory-heading") == ["사실", "취향", "일정과 있었던 일"]
    assert words(page) == ["생일은 3월 2일이다.", "서울에서 산다.", "떡볶이를 좋아한다.", "면접이 있다."]
    assert page.texts(".memory-earlier") == ["전에는 전주에서 산다. · 11. 14."]
    assert page.texts(".memory-quote") == ["이제 서울에서 살아", "나 떡볶이 좋아해", "12월 3일에 면접 있어"]
    assert "직접 적음" in page.texts(".memory-source")[0]
    assert page.texts(".memory-days") == ["12월 3일 목요일"]
    page.js("document.querySelector('.memory-kinds [data-kind=event] input').click()")
    page.until(lambda: words(page) == ["면접이 있다."], "events only")
    assert page.texts(".memory-kinds label") == ["모두\n4", "사실\n2", "취향\n1", "일정과 있었던 일\n1"]


def test_nothing_remembered_is_told_kindly_and_without_memory_there_is_no_button(page: Page) -> None:
    page.open()
    opened(page)
    assert page.texts(".memory-status") == ["아직 기억하는 것이 없어요. 오로라에게 당신 이야기를 들려주세요."]
    page.fake.memory = False
    page.driver.refresh()
    page.until(lambda: page.words(), "the conversation")
    assert page.texts("[aria-label='오로라가 기억하는 것 보기']") == []
    page.press("m", Keys.ALT)
    assert page.all("dialog") == []


def test_memories_are_searched_while_one_types(page: Page) -> None:
    fill(page.fake)
    page.open()
    opened(page)
    field = page.one(".memory-search input")
    field.send_keys("떡볶이")
    page.until(lambda: words(page) == ["떡볶이를 좋아한다."], "what fits")
    assert page.texts(".memory-status") == ["1가지를 찾았어요"]
    field.send_keys("없는말")
    page.until(lambda: page.texts(".memory-status") == ["“떡볶이없는말”에 맞는 기억이 없어요."], "a word about it")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(Keys.DELETE)
    page.until(lambda: len(words(page)) == 4, "all again")


def test_a_memory_is_added_edited_pinned_and_forgotten_with_the_keyboard_alone(page: Page) -> None:
    fill(page.fake)
    page.open()
    page.press("m", Keys.ALT)
    page.until(lambda: len(words(page)) == 4, "her memories")
    page.js("document.querySelector('.memory-add input').focus()")
    page.press("땅콩 알레르기가 있다")
    page.press(Keys.ENTER)
    page.until(lambda: "땅콩 알레르기가 있다" in words(page), "the new one")
    assert page.one(".memory-add input").get_attribute("value") == ""
    assert page.fake.of_type("memory.add")[0]["data"] == {"kind": "fact", "text": "땅콩 알레르기가 있다"}

    first = ".memory[data-memory='mem2']" if page.all(".memory[data-memory='mem2']") else ".memory"
    ident = page.one(first).get_attribute("data-memory")
    row = f".memory[data-memory='{ident}']"
    page.js("document.querySelector(arguments[0]).focus()", f"{row} [data-tool=edit]")
    page.press(Keys.ENTER)
    page.until(lambda: page.js("return document.activeElement.matches('.memory-form input')"), "the field")
    page.press(Keys.ESCAPE)
    page.until(lambda: page.all(".memory-form") == [], "the field to close")
    assert page.all("dialog[open]"), "the window stays"
    page.press(Keys.ENTER)
    page.until(lambda: page.js("return document.activeElement.matches('.memory-form input')"), "the field")
    page.press("a", Keys.CONTROL)
    page.press("고친 기억이다.")
    page.press(Keys.ENTER)
    page.until(lambda: "고친 기억이다." in words(page), "the change")
    assert page.js("return document.activeElement.dataset.tool") == "edit"

    page.js("document.querySelector(arguments[0]).focus()", f"{row} [data-tool=pin]")
    page.press(Keys.ENTER)
    page.until(lambda: page.all(f"{row} [aria-pressed=true]"), "the pin")
    assert page.fake.of_type("memory.edit")[-1]["data"] == {"id": ident, "pinned": True}

    page.js("document.querySelector(arguments[0]).focus()", f"{row} [data-tool=forget]")
    page.press(Keys.ENTER)
    page.until(lambda: "되돌릴 수 없어요" in "".join(page.texts(".confirm")), "the question")
    page.press(Keys.ENTER)  # the focus is on no
    page.until(lambda: not page.all(".confirm"))
    assert page.fake.of_type("memory.delete") == []
    page.press(Keys.ENTER)
    page.one(".confirm .danger").click()
    page.until(lambda: not page.all(row), "the memory to go")
    assert page.fake.of_type("memory.delete")[0]["data"] == {"id": ident}
    assert page.js("return document.activeElement.dataset.tool") == "forget", "the focus stays in the list"


def test_a_long_list_is_read_on_page_by_page(page: Page) -> None:
    page.fake.page_size = 5
    for number in range(12):
        page.fake.remember(f"{number}번 기억이다.", age=number)
    page.open()
    opened(page)
    for count in (10, 12):
        page.one(".memory-window .older:not([hidden])").click()
        page.until(lambda count=count: len(words(page)) == count, f"{count} memories")
    assert page.texts(".memory-window .older") == []
    assert words(page) == [f"{number}번 기억이다." for number in range(12)]


def test_what_was_saved_from_a_message_stands_quietly_below_it_and_leads_to_the_window(page: Page) -> None:
    page.open()
    page.say("나 고양이 키워")
    page.settled(3)
    chat = next(iter(page.fake.chats.values()))
    said = next(message.id for message in chat.messages.values() if message.role == "user")
    kept = page.fake.remember("고양이를 키운다.", "relationship", quote="나 고양이 키워")
    page.fake.remember("다른 기억이다.")
    page.fake.save(chat, said, kept)
    page.until(lambda: page.texts(".user .kept") == ["기억함 · 고양이를 키운다."], "the chip")
    page.one(".kept").click()
    page.until(lambda: page.texts(".memory.looked .memory-text") == ["고양이를 키운다."], "the memory in the window")
    page.one(".memory.looked [data-tool=forget]").click()
    page.one(".confirm .danger").click()
    page.until(lambda: words(page) == ["다른 기억이다."], "the memory to go")
    page.press(Keys.ESCAPE)
    page.until(lambda: page.texts(".kept") == [], "and the chip with it")


def test_a_reply_that_recalls_says_so_and_unfolds_what_also_after_a_reload(page: Page) -> None:
    cat = page.fake.remember("고양이를 키운다.", "relationship", quote="나 고양이 키워", age=90_000)
    page.open()
    page.fake.replies.append(Say("나비 말이지?", "기쁨", 0.6, recalls=(cat,)))
    page.say("우리 고양이 이름 기억나?")
    page.settled(3)
    for _ in range(2):
        assert page.texts(".recalled > summary") == ["기억을 떠올림"]
        assert page.texts(".recalled li") == []
        page.one(".recalled > summary").click()
        assert page.texts(".recalled li button") == ["고양이를 키운다."]
        page.driver.refresh()
        page.settled(3)


@pytest.mark.parametrize(("label", "confirm"), [("예, 잊어 줘", True), ("아니요", False)])
def test_her_question_whether_to_forget_is_answered_below_her_reply(page: Page, label: str, confirm: bool) -> None:
    memories = tuple(page.fake.remember(f"{number}번 기억이다.") for number in range(5))
    page.open()
    page.fake.replies.append(Say("정말 잊어도 돼?", forgets=memories))
    page.fake.hold_after = 1
    page.say("다 잊어줘")
    page.until(lambda: page.words()[-1].startswith("정말"), "the first words")
    assert page.texts(".forget-ask") == [], "not before she has asked"
    page.fake.release()
    page.settled(3)
    page.driver.refresh()
    page.settled(3)
    assert page.texts(".forget-ask li") == [*(f"{number}번 기억이다." for number in range(3)), "그 밖에 2가지"]
    page.js(
        "[...document.querySelectorAll('.forget-ask button')].find((b) => b.innerText === arguments[0]).click()", label
    )
    page.until(lambda: page.texts(".forget-ask") == [], "the question to go")
    sent = page.fake.of_type("memory.forget")[0]["data"]
    reply = page.one(".message.last").get_attribute("data-message")
    assert sent == {"message": reply, "confirm": confirm}
    assert len(page.fake.memories) == (0 if confirm else 5)


def test_a_question_that_was_passed_over_is_not_asked_any_more(page: Page) -> None:
    page.open()
    page.fake.replies.append(Say("정말 잊어도 돼?", forgets=(page.fake.remember("비밀이다."),)))
    page.say("잊어줘")
    page.settled(3)
    assert page.texts(".forget-ask b") == ["이 기억을 잊을까요?"]
    page.say("딴 얘기 하자")
    page.settled(5)
    assert page.texts(".forget-ask") == []


def test_no_memory_is_ever_html(page: Page) -> None:
    evil = "<img src=x onerror='window.broken=1'><b>굵게</b>"
    earlier = [p.EarlierMemory(id="old", text=evil, said=1.0)]
    memory = page.fake.remember(evil, quote=evil, earlier=earlier)
    page.open()
    page.fake.replies.append(Say("응.", recalls=(memory,), forgets=(memory,)))
    page.say("안녕")
    page.settled(3)
    page.one(".recalled > summary").click()
    assert page.texts(".recalled li button") == page.texts(".forget-ask li") == [evil]
    opened(page)
    assert words(page) == [evil]
    page.one("[data-tool=forget]").click()
    page.one(".confirm")
    assert page.all("dialog :is(img, b)") == page.all(".message :is(.recalled, .forget-ask li) :is(img, b)") == []
    assert page.js("return window.broken") is None


def test_the_window_fits_a_phone_in_both_languages_and_everything_in_it_has_a_name(page: Page) -> None:
    fill(page.fake)
    page.fake.remember("가" * 200, "boundary", quote="https://example.org/" + "a" * 400)
    page.cdp("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
    for language, label in (("ko", "오로라가 기억하는 것 보기"), ("en", "See what she remembers")):
        page.open(settings={"text": "huge", "language": language})
        page.one(f"[aria-label='{label}']").click()
        page.until(lambda: len(words(page)) == 5, "her memories")
        page.one("[data-tool=edit]").click()
        page.one(".memory-form")
        wide = """return [...document.querySelectorAll('.memory-window *, .talk-head *')].filter((e) => e.checkVisibility()
            && !e.closest('.memory-kinds') && e.getBoundingClientRect().right > 361).map((e) => e.className)"""
        assert page.js(wide) == []
        assert page.js("return document.documentElement.scrollWidth") == 360
        unnamed = """return [...document.querySelectorAll('dialog :is(button, input, select, summary)')]
            .filter((e) => !(e.innerText?.trim() || e.getAttribute('aria-label') || e.labels?.length || e.hidden))
            .map((e) => e.outerHTML)"""
        assert page.js(unnamed) == []
        small = "return [...document.querySelectorAll('dialog :is(input[type=text], input[type=search], select)')].map("
        assert min(page.js(f"{small}(e) => parseFloat(getComputedStyle(e).fontSize))")) >= 16
