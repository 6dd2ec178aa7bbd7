"""What the chat benchmark counts, and what it says where it cannot measure."""

from __future__ import annotations

import resource

import pytest

from benchmarks import chat


def arrived(at: float, *due: float) -> tuple[float, bytes]:
    """A frame with pieces that were due at these times."""
    return at, "".join(chat._stamp(time) for time in due).encode()


def test_a_piece_that_was_due_in_the_window_counts_however_late_it_comes() -> None:
    found = chat.due_within(10, 20, [arrived(25.0, 19.0), arrived(15.0, 14.5, 14.75)])
    assert found == pytest.approx([6.0, 0.5, 0.25], abs=1e-5)


def test_a_piece_that_was_due_before_or_after_the_window_does_not_count_even_if_it_comes_within() -> None:
    assert chat.due_within(10, 20, [arrived(11.0, 9.0), arrived(20.5, 20.25)]) == []


def test_a_file_limit_that_is_too_low_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (256, 1024))
    with pytest.raises(SystemExit) as caught:
        chat.raise_file_limit(2500)
    assert str(caught.value).startswith("error: 2,500 open files are needed, but this system allows 1,024;")
    assert "\n" not in str(caught.value)


def test_a_file_limit_that_may_be_raised_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (256, 20_000))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: asked.append(limits))
    chat.raise_file_limit(2500)
    assert asked == [(2500, 20_000)]
