"""What the page does by itself, in a real browser against the scripted server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from .fake_server import GREETINGS, TOKEN, FakeServer, Say

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver import Keys

from .page import WATCH, Page


@pytest.fixture
def page(browser: Any, fake: FakeServer) -> Iterator[Page]:
    watch = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    page = Page(browser, fake)
    yield page
    page.check()
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watch)


# --- coming in


def test_a_login_link_logs_in_keeps_the_token_and_leaves_the_address(page: Page) -> None:
    page.open(token=None, fragment="#login=one-time")
    page.until(lambda: page.words() == [GREETINGS[0]], "her greeting")
    assert page.js("return location.hash") == ""
    assert page.js("return localStorage.getItem('ohlora.token')") == TOKEN
    page.driver.refresh()
    page.until(lambda: page.words() == [GREETINGS[0]], "the same chat after a reload")
    assert len(page.fake.chats) == 1


def test_a_used_login_link_says_so_and_a_wrong_token_too_and_the_right_one_opens(page: Page) -> None:
    page.open(token=None, fragment="#login=used-up")
    page.until(lambda: "로그인 링크" in "".join(page.texts(".login-problem")), "a word about the link")
    field = page.one("#token")
    field.send_keys("wrong", Keys.ENTER)
    page.until(lambda: "토큰이 맞지 않아요" in "".join(page.texts(".login-problem")), "a word about the token")
    field.clear()
    field.send_keys(TOKEN, Keys.ENTER)
    page.until(lambda: page.words() == [GREETINGS[0]], "her greeting")


def test_a_used_login_link_does_no_harm_where_a_token_is_kept(page: Page) -> None:
    page.open(fragment="#login=used-up")
    assert page.words() == [GREETINGS[0]]


def test_a_token_that_is_taken_back_leads_to_the_login_and_what_was_said_waits_for_the_next_one(page: Page) -> None:
    page.open()
    page.fake.mute = {"turn.send"}
    page.say("아직 못 보낸 말")
    page.until(lambda: page.fake.of_type("turn.send"))
    page.fake.mute = set()
    page.fake.token = "another"  # noqa: S105 - made up
    page.fake.drop()
    page.until(lambda: "토큰이 맞지 않아요" in "".join(page.texts(".login-problem")), "the way in, and why")
    page.one("#token").send_keys("another", Keys.ENTER)
    page.settled(3)
    assert page.words()[1] == "아직 못 보낸 말"


def test_logging_out_leaves_nothing_behind(page: Page) -> None:
    page.open()
    page.box.send_keys("쓰다 만 글")
    page.one("[aria-label='설정']").click()
    page.one(".account-row .button").click()
    page.one(".confirm .danger").click()
    page.one("#token")
    assert page.js("return Object.keys(localStorage).filter((k) => !k.endsWith('settings'))") == []


# --- talking


def test_a_message_is_answered_word_by_word_with_her_feeling_shown(page: Page) -> None:
    page.open()
    page.fake.replies.append(Say("응, 오늘은 정말 좋은 날이야.", "기쁨", 0.8))
    page.fake.hold_after = 2
    page.say("안녕")
    page.until(lambda: page.words()[1:] == ["안녕", "응, 오늘"], "the first words")
    assert page.texts(".stage-emotion") == ["기쁨"]
    assert page.texts(".strength-value") == ["80%"]
    assert page.one(".message.last").get_attribute("aria-busy") == "true"
    assert "응" not in page.one("[role=log]").get_attribute("textContent"), (
        "words that are still coming are not read aloud"
    )
    page.fake.release()
    page.settled(3)
    assert page.words() == [GREETINGS[0], "안녕", "응, 오늘은 정말 좋은 날이야."]
    assert page.texts(".message.last .chip") == ["기쁨"]
    assert page.texts(".meter-value") == ["0.62", "0.22", "0.80", "0.30", "−6°", "4°"]
    page.until(lambda: page.one("[role=log]").get_attribute("textContent") == "오로라: 응, 오늘은 정말 좋은 날이야.")


def test_neither_her_words_nor_the_users_nor_a_title_are_ever_html(page: Page) -> None:
    evil = "<img src=x onerror='window.broken=1'><b>굵게</b> *<i>웃으며</i>*"
    page.fake.add_chat(evil, [(evil, Say(evil))])
    page.open()
    page.fake.replies.append(Say(evil))
    page.say(evil)
    page.settled(5)
    shown = evil.replace("*", "")
    assert page.words()[1:] == [shown] * 4
    assert page.texts(".talk-title") == [evil]
    assert page.all(".message :is(img, b, i:not(.thinking i)), .talk-title *, .chat-title *") == []
    assert page.texts(".message em") == ["<i>웃으며</i>"] * 4
    assert page.js("return window.broken") is None


def test_newlines_are_kept(page: Page) -> None:
    page.open()
    page.box.send_keys("한 줄", Keys.SHIFT, Keys.ENTER, Keys.NULL, "두 줄", Keys.ENTER)
    page.settled(3)
    assert page.words()[1] == "한 줄\n두 줄"


def test_the_enter_that_ends_a_korean_syllable_does_not_send(page: Page) -> None:
    page.open()
    page.box.click()
    page.cdp("Input.imeSetComposition", text="안녀", selectionStart=2, selectionEnd=2)
    enter = {"key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}
    page.cdp("Input.dispatchKeyEvent", type="rawKeyDown", **enter)
    page.cdp("Input.dispatchKeyEvent", type="keyUp", **enter)
    # Chromium on other systems reports the Enter itself, in the midst of a composition.
    compose = """return document.activeElement.dispatchEvent(new KeyboardEvent(
        'keydown', {key: arguments[0], code: arguments[0], isComposing: true, bubbles: true, cancelable: true}))"""
    assert page.js(compose, "Enter"), "nobody may take this key press"
    assert page.js(compose, "Escape"), "nor may a shortcut act on it"
    page.cdp("Input.insertText", text="안녕")
    assert page.fake.of_type("turn.send") == []
    assert page.box.get_attribute("value") == "안녕"
    page.box.send_keys(Keys.ENTER)
    page.settled(3)
    assert [each["data"]["text"] for each in page.fake.of_type("turn.send")] == ["안녕"]
    assert page.box.get_attribute("value") == ""


def test_escape_and_the_stop_button_stop_her_and_what_was_said_stays(page: Page) -> None:
    page.open()
    for stop in (lambda: page.press(Keys.ESCAPE), lambda: page.one(".send.stop").click()):
        page.fake.hold_after = 2
        page.say("말해 줘")
        page.until(lambda: page.words()[-1] == "응, 듣고 ", "the first words")
        stop()
        page.until(lambda: page.texts(".message.last .note") == ["여기서 멈췄어요"], "the note")
        page.fake.release()
    assert len(page.all(".message")) == 5


def test_enter_while_she_speaks_keeps_the_text_in_the_box(page: Page) -> None:
    page.open()
    page.fake.hold_after = 1
    page.say("하나")
    page.one(".message[aria-busy]")
    page.say("둘")
    page.until(lambda: any("쓰던 글은 그대로" in text for text in page.texts(".toast")), "a word about waiting")
    assert page.box.get_attribute("value") == "둘"
    page.fake.release()
    page.settled(3)
    page.box.send_keys(Keys.ENTER)
    page.settled(5)


# --- nothing is lost


def test_a_lost_connection_is_mended_and_a_reply_goes_on_in_mid_word(page: Page) -> None:
    page.open()
    page.expects_errors = True
    text = "끊어지더라도 나는 하던 말을 마저 할 거야."
    page.fake.replies.append(Say(text))
    page.fake.hold_after = 2
    page.say("안녕")
    page.until(lambda: page.words()[-1] == "끊어지더", "half a word")
    page.fake.is_down = True
    page.fake.drop()
    page.until(lambda: page.texts(".connection") == ["연결이 끊겼어요. 다시 잇는 중…"], "the quiet line")
    page.fake.release()  # she goes on speaking while nobody listens
    page.fake.is_down = False
    page.settled(3)
    assert page.words()[-1] == text
    assert "a" not in page.fake.received[-1]["data"].get("last_seq", {})
    seen = page.fake.of_type("hello")[-1]["data"]["last_seq"]
    assert list(seen.values()) == [4], "turn.start, face.set and two pieces had been seen"
    page.until(lambda: page.texts(".connection") == ["다시 이어졌어요"], "a word about it")
    page.until(lambda: page.texts(".connection") == [], "and then quiet")


def test_a_reload_in_mid_word_sees_the_reply_through(page: Page) -> None:
    page.open()
    page.fake.hold_after = 2
    page.say("안녕")
    page.until(lambda: page.words()[-1] == "응, 듣고 ")
    page.driver.refresh()
    page.until(lambda: page.words()[-1:] == ["응, 듣고 "], "what had been said")
    page.fake.release()
    page.settled(3)
    assert page.words()[-1] == "응, 듣고 있어. 천천히 말해 줘."


def test_a_message_without_an_answer_shows_at_once_and_is_sent_again_with_the_same_id(page: Page) -> None:
    page.open()
    page.fake.mute = {"turn.send"}
    page.say("들려?")
    page.until(lambda: page.texts(".message.pending .note") == ["보내는 중"], "the message on its way")
    page.until(lambda: page.fake.of_type("turn.send"))
    page.fake.mute = set()
    page.fake.drop()
    page.settled(3)
    sent = page.fake.of_type("turn.send")
    assert len(sent) == 2
    assert sent[0]["data"] == sent[1]["data"]
    assert page.words()[1] == "들려?"
    assert page.js("return Object.keys(localStorage).filter((k) => k.includes('outbox'))") == []


def test_what_was_said_without_a_connection_survives_a_reload(page: Page) -> None:
    page.open()
    page.expects_errors = True
    page.fake.is_down = True
    page.fake.drop()
    page.until(lambda: page.texts(".connection"), "the quiet line")
    page.say("나중에라도 들어 줘")
    page.until(lambda: page.texts(".message.pending .note") == ["연결되면 보낼게요"], "the message that waits")
    page.driver.refresh()
    page.fake.is_down = False
    page.settled(3)
    assert page.words()[1:] == ["나중에라도 들어 줘", "응, 듣고 있어. 천천히 말해 줘."]
    assert len(page.fake.of_type("turn.send")) == 1


def test_drafts_are_kept_for_each_chat(page: Page) -> None:
    page.fake.add_chat("지난 대화", age=100)
    page.fake.add_chat("이번 대화")
    page.open()
    page.box.send_keys("이번 글")
    page.js("document.querySelectorAll('.chat-open')[1].click()")
    page.until(lambda: page.texts(".talk-title") == ["지난 대화"])
    assert page.box.get_attribute("value") == ""
    page.box.send_keys("지난 글")
    page.js("document.querySelectorAll('.chat-open')[0].click()")
    page.until(lambda: page.box.get_attribute("value") == "이번 글", "the first draft")
    page.driver.refresh()
    page.until(lambda: page.box.get_attribute("value") == "이번 글", "the draft after a reload")


def test_a_message_refused_because_of_a_live_turn_comes_back_to_the_box(page: Page) -> None:
    page.open()
    page.fake.refuse = {"turn.send": ["turn_live"]}
    page.say("동시에 말했네")
    page.until(lambda: page.box.get_attribute("value") == "동시에 말했네", "the text in the box")
    assert any("아직 말하는 중" in text for text in page.texts(".toast"))
    assert len(page.all(".message")) == 1


def test_a_message_refused_for_another_reason_stays_and_can_be_sent_again_or_rewritten(page: Page) -> None:
    page.open()
    page.fake.refuse = {"turn.send": ["rate_limited", "rate_limited"]}
    page.say("너무 빨랐나")
    failed = "보내지 못했어요 · 조금 천천히 말해 주세요."
    page.until(lambda: page.texts(".note > span:first-child") == [failed], "why it was not sent")
    page.driver.refresh()
    page.until(lambda: page.texts(".note > span:first-child") == [failed], "the same after a reload")
    page.js("document.querySelectorAll('.note .link')[0].click()")
    page.until(lambda: len(page.fake.of_type("turn.send")) == 2)
    page.until(lambda: page.texts(".note > span:first-child") == [failed])
    page.js("document.querySelectorAll('.note .link')[1].click()")
    page.until(lambda: page.box.get_attribute("value") == "너무 빨랐나", "the text in the box")
    page.box.send_keys(Keys.ENTER)
    page.settled(3)


# --- the tree


def test_a_retry_makes_a_variant_and_the_pager_goes_between_them(page: Page) -> None:
    page.open()
    page.fake.replies.extend([Say("첫 번째 대답."), Say("두 번째 대답.")])
    page.say("안녕")
    page.settled(3)
    assert page.texts(".message.last .pager") == []
    page.tool("다른 대답 듣기")
    page.until(lambda: page.words()[-1] == "두 번째 대답.", "the second reply")
    page.settled(3)
    assert page.texts(".message.last .pager-count") == ["2/2"]
    page.one(".message.last [aria-label='앞의 것 보기']").click()
    page.until(lambda: page.words()[-1] == "첫 번째 대답.", "the first reply")
    assert page.texts(".message.last .pager-count") == ["1/2"]


def test_her_greetings_are_variants_to_choose_from(page: Page) -> None:
    page.open()
    assert page.texts(".pager-count") == ["1/3"]
    assert page.all("[aria-label='다른 대답 듣기']:not([hidden])") == []
    page.one("[aria-label='다음 것 보기']").click()
    page.until(lambda: page.words() == [GREETINGS[1]], "the second greeting")


def test_editing_a_message_makes_a_branch_that_is_answered(page: Page) -> None:
    page.open()
    page.say("안녕")
    page.settled(3)
    page.box.send_keys(Keys.ARROW_UP)
    editor = page.one(".editor-box")
    assert editor.get_attribute("value") == "안녕"
    editor.send_keys(Keys.ESCAPE)
    page.until(lambda: not page.all(".editor-box"), "the editor to close")
    page.box.send_keys(Keys.ARROW_UP)
    page.fake.replies.append(Say("새 갈래야."))
    page.one(".editor-box").send_keys(", 오로라", Keys.ENTER)
    page.until(lambda: page.words()[1:] == ["안녕, 오로라", "새 갈래야."], "the new branch")
    page.settled(3)
    assert page.texts(".message.user .pager-count") == ["2/2"]


def test_an_edited_reply_stands_beside_the_old_one(page: Page) -> None:
    page.open()
    page.say("안녕")
    page.settled(3)
    page.tool("대답 고치기")
    editor = page.one(".editor-box")
    editor.clear()
    editor.send_keys("이렇게 말할걸.", Keys.ENTER)
    page.until(lambda: page.words()[-1] == "이렇게 말할걸." and not page.all(".editor-box"), "the edited reply")
    page.until(lambda: page.texts(".message.last .note") == ["고친 말"])
    assert page.texts(".message.last .pager-count") == ["2/2"]


def test_deleting_asks_first(page: Page) -> None:
    page.open()
    page.say("안녕")
    page.settled(3)
    page.tool("지우기")
    page.one(".confirm .button:not(.danger)").click()
    assert page.fake.of_type("message.delete") == []
    page.tool("지우기")
    page.one(".confirm .danger").click()
    page.until(lambda: len(page.all(".message")) == 2, "the reply to go")
    assert page.texts(".message.last .note") == ["아직 대답을 듣지 못했어요\n다시 듣기"]
    page.one(".note .link").click()
    page.settled(3)


def test_marks_are_given_and_taken_back(page: Page) -> None:
    page.open()
    page.tool("좋은 대답")
    page.one("[aria-label='좋은 대답'][aria-pressed=true]")
    page.tool("좋은 대답")
    page.one("[aria-label='좋은 대답'][aria-pressed=false]")
    assert [each["data"]["good"] for each in page.fake.of_type("feedback")] == [True, None]


def test_a_failed_turn_says_why_and_can_be_tried_again(page: Page) -> None:
    chat = page.fake.add_chat("끊긴 대화", [("안녕", Say("응, 나는"))])
    last = chat.active
    chat.messages[last] = chat.messages[last].model_copy(update={"status": "interrupted"})
    page.open()
    assert page.texts(".message.last .note") == ["말이 중간에 끊겼어요\n다시 듣기"]
    page.one(".message.last .note .link").click()
    page.until(lambda: page.words()[-1] == "응, 듣고 있어. 천천히 말해 줘.")


# --- the chats


def test_chats_are_begun_renamed_and_deleted_and_another_tab_keeps_step(page: Page) -> None:
    page.open()
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    second = page.driver.current_window_handle
    page.driver.get(page.fake.address)
    page.until(lambda: page.words() == [GREETINGS[0]])
    page.press("n", Keys.ALT)
    page.until(lambda: len(page.all(".chat")) == 2, "a second chat")
    page.js("document.querySelector('.chat.current [aria-label=\"이름 바꾸기\"]').click()")
    field = page.one(".prompt input")
    field.clear()
    field.send_keys("둘째 대화", Keys.ENTER)
    page.until(lambda: page.texts(".talk-title") == ["둘째 대화"], "the new name")
    page.say("두 탭에서 보여?")
    page.settled(3)
    page.driver.switch_to.window(first)
    page.until(lambda: page.texts(".chat-title")[0] == "둘째 대화", "the new name in the other tab")
    page.js("document.querySelector('.chat-open').click()")
    page.until(lambda: "두 탭에서 보여?" in page.words(), "the words in the other tab")
    page.driver.switch_to.window(second)
    page.js("document.querySelector('.chat.current [aria-label=\"대화 지우기\"]').click()")
    page.one(".confirm .danger").click()
    page.until(lambda: len(page.all(".chat")) == 1 and page.words() == [GREETINGS[0]], "the chat that is left")
    page.driver.close()
    page.driver.switch_to.window(first)
    page.until(lambda: len(page.all(".chat")) == 1 and page.words() == [GREETINGS[0]], "the other tab in step")


def test_a_search_jumps_to_the_message_even_on_another_branch(page: Page) -> None:
    page.fake.add_chat("바다", [("바다 보고 싶다", Say("새벽 안목해변이 조용해."))], age=5000)
    page.fake.add_chat("오늘")
    page.open()
    page.say("안녕")
    page.settled(3)
    page.js("document.querySelectorAll('.chat-open')[1].click()")
    page.until(lambda: page.texts(".talk-title") == ["바다"])
    page.tool("다른 대답 듣기")
    page.until(lambda: page.words()[-1] == "응, 듣고 있어. 천천히 말해 줘.")
    page.settled(3)
    page.js("document.querySelectorAll('.chat-open')[1].click()")
    page.until(lambda: page.texts(".talk-title") == ["안녕"] or page.texts(".talk-title") == ["오늘"])
    page.press("k", Keys.CONTROL)
    page.one(".search input").send_keys("안목")
    page.until(lambda: page.texts(".hit mark") == ["안목"], "the hit")
    page.one(".search input").send_keys(Keys.ENTER)
    page.until(lambda: page.words()[-1:] == ["새벽 안목해변이 조용해."], "the branch with the hit")
    page.one(".message.found")
    assert page.all("dialog") == []


def test_an_export_is_put_together_from_its_parts(page: Page) -> None:
    page.fake.add_chat("긴 대화", [("안녕 " * 40, Say("응 " * 80))])
    page.open()
    page.js("""
        window.saved = null;
        HTMLAnchorElement.prototype.click = function () {
            const name = this.download;
            window.saved = {name, href: this.href};
        };
        const make = URL.createObjectURL;
        URL.createObjectURL = (blob) => { blob.text().then((text) => (window.content = text)); return make(blob); };
    """)
    page.js("document.querySelector('[aria-label=\"대화 내보내기\"]').click()")
    page.until(lambda: page.js("return window.content"), "the file")
    lines = [json.loads(line) for line in page.js("return window.content").split("\n")]
    assert page.js("return window.saved.name") == "긴 대화.jsonl"
    assert [line["text"] for line in lines[1:]][-1] == "응 " * 80


DROP = """
const files = new DataTransfer();
files.items.add(new File([arguments[1]], arguments[0]));
for (const type of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(type, {dataTransfer: files, bubbles: true, cancelable: true}));
}
"""


def test_a_dropped_card_is_imported_and_offered_for_a_new_chat(page: Page) -> None:
    page.open()
    card = {
        "spec": "chara_card_v2",
        "data": {"name": "노을", "first_mes": "충성!", "description": "<b>군인</b>", "x": "가" * 70_000},
    }
    content = json.dumps(card, ensure_ascii=False)
    page.js(DROP, "noeul.json", content)
    page.until(lambda: page.texts(".card.chosen b") == ["노을"], "the card, chosen")
    assert page.texts(".card.chosen .card-about") == ["<b>군인</b>"]
    assert list(page.fake.uploads.values()) == [content.encode()], "several frames, whole and in order"
    page.one(".cards-window .primary").click()
    page.until(lambda: page.fake.of_type("chat.open")[-1]["data"].get("card") == "card5" or not page.all("dialog"))
    assert page.fake.of_type("chat.open")[-1]["data"]["card"] == page.fake.cards[-1].id


def test_a_dropped_export_becomes_a_chat_and_a_strange_file_is_declined(page: Page) -> None:
    page.open()
    page.js(DROP, "chat.jsonl", '{"a": 1}\n{"b": 2}')
    page.until(lambda: page.texts(".talk-title") == ["가져온 대화"], "the imported chat")
    page.js(DROP, "notes.txt", "안녕")
    page.until(lambda: any("notes.txt" in text for text in page.texts(".toast")), "a word about the strange file")
    assert len(page.fake.of_type("upload.start")) == 1


def test_a_refused_upload_says_why_at_once(page: Page) -> None:
    page.open()
    page.fake.refuse = {"card.import": ["bad_request"]}
    page.js(DROP, "broken.json", '{"spec": "chara_card_v2"}')
    page.until(lambda: "할 수 없어요." in page.texts(".toast span"), "a word about the broken card")
    page.js(DROP, "empty.png", "")
    page.until(lambda: "빈 파일이에요." in page.texts(".toast span"), "a word about the empty file")


def test_a_new_chat_can_begin_with_a_chosen_greeting(page: Page) -> None:
    page.open()
    page.one("[aria-label='상대와 첫인사를 골라 새 대화']").click()
    page.until(lambda: len(page.all(".greeting")) == 4, "the greetings")
    page.all(".greeting")[3].click()
    page.one(".cards-window .primary").click()
    page.until(lambda: page.words() == [GREETINGS[2]], "the chosen greeting")


# --- reading and settings


def test_the_view_follows_the_end_only_while_the_user_is_there(page: Page) -> None:
    page.fake.add_chat("긴 대화", [(f"{i}번째", Say("음, 그랬구나. " * 6)) for i in range(60)])
    page.open()
    at_end = "const s = document.querySelector('.scroll'); return s.scrollHeight - s.scrollTop - s.clientHeight < 3"
    page.until(lambda: page.js(at_end), "the end of the chat")
    page.say("또 있어")
    page.settled(82)  # the newest 80 and the two that came
    assert page.js(at_end)
    page.js("document.querySelector('.scroll').scrollTop = 400")
    page.one(".to-end:not([hidden])")
    before = page.js("return document.querySelector('.scroll').scrollTop")
    page.fake.drop()  # something happens, but nothing moves
    time.sleep(0.3)
    assert page.js("return document.querySelector('.scroll').scrollTop") == before
    page.js("document.querySelector('.older').click()")
    page.until(lambda: len(page.all(".message")) > 82, "earlier messages")
    page.one(".to-end").click()
    page.until(lambda: page.js(at_end), "the end again")


def test_the_language_changes_at_once_and_stays(page: Page) -> None:
    page.open()
    page.box.send_keys("쓰던 글")
    assert page.box.get_attribute("placeholder") == "오로라에게 말 걸기"
    page.one("[aria-label='설정']").click()
    page.js("document.querySelector('input[name=language][value=en]').click()")
    page.until(lambda: page.texts(".dialog h2") == ["Settings"], "English settings")
    assert page.js("return document.activeElement.value") == "en"
    page.press(Keys.ESCAPE)
    assert page.box.get_attribute("placeholder") == "Say something to 오로라"
    assert page.box.get_attribute("value") == "쓰던 글"
    assert page.js("return document.documentElement.lang") == "en"
    page.driver.refresh()
    page.until(lambda: page.texts(".new-chat") == ["New chat"], "English after a reload")


def test_theme_text_size_and_send_key_are_set_and_her_name_for_the_user_is_told_the_server(page: Page) -> None:
    page.open(settings={"theme": "dark"})
    background = "return getComputedStyle(document.body).backgroundColor"
    assert page.js(background) == "rgb(11, 16, 32)"
    page.one("[aria-label='설정']").click()
    page.one("#user-name").send_keys("민준", Keys.ENTER)
    page.until(lambda: page.texts(".setting-done") == ["저장했어요"], "the name to be kept")
    for name, value in (("theme", "light"), ("text", "large"), ("sendKey", "ctrl")):
        page.js(f"document.querySelector('input[name={name}][value={value}]').click()")
    page.press(Keys.ESCAPE)
    assert page.js(background) == "rgb(247, 243, 236)"
    assert page.js("return getComputedStyle(document.documentElement).fontSize") == "18px"
    page.box.send_keys("한 줄", Keys.ENTER, "두 줄")
    assert page.box.get_attribute("value") == "한 줄\n두 줄"
    page.press(Keys.ENTER, Keys.CONTROL)
    page.settled(3)
    assert page.fake.user_name == "민준"


def test_the_bundled_model_comes_with_a_line_about_larger_ones_that_can_be_closed(page: Page) -> None:
    page.open()
    assert "ohlora-mini" in page.texts(".model")[0]
    assert "python -m server --llm kakaocorp/kanana-1.5-2.1b-instruct-2505" in page.texts(".model-hint")[0]
    page.one("[aria-label='안내 닫기']").click()
    page.driver.refresh()
    page.until(lambda: page.texts(".model"))
    assert page.texts(".model-hint") == []
    page.fake.bundled = False
    page.driver.refresh()
    page.until(lambda: page.texts(".model") == ["ohlora-mini"], "a model without the badge")


def test_a_phone_has_everything_within_its_width(page: Page) -> None:
    page.fake.add_chat(
        "아주 긴 이름을 가진 대화라서 머리글에 다 들어가지 않는다",
        [("가" * 300, Say("https://example.org/" + "a" * 200))],
    )
    page.cdp("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True)
    page.open(settings={"text": "huge"})
    assert page.js("return document.documentElement.scrollWidth") == 390
    wide = "return [...document.querySelectorAll('.talk *')].filter((e) => e.getBoundingClientRect().right > 391)"
    assert page.js(f"{wide}.map((e) => e.className)") == []
    assert page.js("return document.querySelector('.composer').getBoundingClientRect().bottom") == 844
    page.one("[aria-label='대화 목록 열기']").click()
    page.until(lambda: page.one(".sidebar").rect["x"] == 0, "the drawer")
    assert page.js("return document.querySelector('.talk').inert")
    page.press(Keys.ESCAPE)
    page.until(lambda: page.one(".sidebar").rect["x"] < -200, "the drawer to close")
    assert page.texts(".stage") == []
    page.one(".stage-open").click()
    page.until(lambda: page.texts(".stage-emotion"), "her expression")
    page.one("[aria-label='대화 목록 열기']").click()
    page.until(lambda: page.one(".sidebar").rect["x"] == 0, "the drawer")
    page.one("[aria-label='설정']").click()
    page.one("#user-name")
    sizes = """return [...document.querySelectorAll('input[type=text], textarea')].map(
        (e) => parseFloat(getComputedStyle(e).fontSize))"""
    assert min(page.js(sizes)) >= 16, "smaller inputs make a phone zoom in"


def test_the_aurora_moves_and_stands_still_where_motion_is_not_wanted(page: Page) -> None:
    picture = "return document.querySelector('.sky').toDataURL()"

    def moves() -> bool:
        before = page.js(picture)
        time.sleep(0.5)
        return page.js(picture) != before

    page.open()
    assert moves()
    reduced = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    page.cdp("Emulation.setEmulatedMedia", media="", features=reduced)
    page.driver.refresh()
    page.until(lambda: page.words(), "the conversation")
    page.until(lambda: page.js("return document.querySelector('.sky').width") != 300, "the canvas to have its size")
    assert not moves()
    page.say("안녕")
    page.settled(3)
    running = "return document.getAnimations().length"
    assert page.js(running) == 0


def test_everything_that_can_be_pressed_has_a_name(page: Page) -> None:
    page.open()
    page.say("안녕")
    page.settled(3)
    unnamed = """return [...document.querySelectorAll('button, input, textarea, summary')]
        .filter((e) => !(e.innerText?.trim() || e.getAttribute('aria-label') || e.labels?.length || e.hidden))
        .map((e) => e.outerHTML)"""
    assert page.js(unnamed) == []
    for opener in ("[aria-label='설정']", ".search-open", "[aria-label='상대와 첫인사를 골라 새 대화']"):
        page.one(opener).click()
        page.one("dialog[open]")
        assert page.js(unnamed) == []
        page.press(Keys.ESCAPE)
        page.until(lambda: not page.all("dialog"))
