"""System messages for templates that want them at the start only."""

from __future__ import annotations

from character.language_model import ChatMessage
from character.system_notes import move_system_notes

SYSTEM, USER, ASSISTANT = (
    lambda words, role=role: ChatMessage(role, words) for role in ("system", "user", "assistant")
)


def test_the_system_messages_at_the_start_become_one() -> None:
    assert move_system_notes([SYSTEM("가"), SYSTEM("나"), USER("다")]) == [SYSTEM("가\n\n나"), USER("다")]


def test_a_later_one_goes_into_the_next_user_message_in_brackets() -> None:
    messages = [SYSTEM("가"), USER("나"), ASSISTANT("다"), SYSTEM("월요일"), USER("라")]
    assert move_system_notes(messages) == [SYSTEM("가"), USER("나"), ASSISTANT("다"), USER("[월요일]\n\n라")]


def test_one_at_the_end_stands_after_the_last_words_of_the_user() -> None:
    assert move_system_notes([USER("가"), SYSTEM("끝")]) == [USER("가\n\n[끝]")]
    assert move_system_notes([USER("가"), ASSISTANT("나"), SYSTEM("끝")])[-1] == USER("[끝]")


def test_all_are_moved_where_the_template_knows_no_system_role() -> None:
    messages = [SYSTEM("가"), USER("나")]
    assert move_system_notes(messages, keep_first=False) == [USER("[가]\n\n나")]


def test_a_chat_without_system_messages_stays_as_it_is() -> None:
    messages = [USER("가"), ASSISTANT("나"), USER("다")]
    assert move_system_notes(messages) == messages
