"""System messages in the middle of a chat, for chat templates that allow them only at the start."""

from __future__ import annotations

from collections.abc import Sequence

from character.language_model import ChatMessage


def move_system_notes(messages: Sequence[ChatMessage], *, keep_first: bool = True) -> list[ChatMessage]:
    """Puts each later system message in brackets before the words of the user message that follows.

    Args:
        messages: a prompt.
        keep_first: leave the system messages at the very start, joined into one; False moves these as well.

    Returns:
        A prompt in which no system message follows another message. A note at the end stands after the words of the
        last user message, or becomes a user message if the assistant spoke last.
    """
    moved: list[ChatMessage] = []
    notes: list[str] = []
    for message in messages:
        if message.role == "system":
            if keep_first and not notes and all(earlier.role == "system" for earlier in moved):
                before = [earlier.content for earlier in moved]
                moved = [ChatMessage("system", "\n\n".join([*before, message.content]))]
            else:
                notes.append(f"[{message.content}]")
        elif message.role == "user":
            moved.append(ChatMessage("user", "\n\n".join([*notes, message.content])))
            notes = []
        else:
            moved.append(message)
    if notes and moved and moved[-1].role == "user":
        notes.insert(0, moved.pop().content)
    if notes:
        moved.append(ChatMessage("user", "\n\n".join(notes)))
    return moved
