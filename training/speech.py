"""What a line is written in: politely (해요체, 합니다체) or plainly (반말), and in which script."""

from __future__ import annotations

import re

FOREIGN = re.compile(r"[\u0400-\u04ff\u0600-\u06ff\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff\ufffd]")
"""Scripts she never writes, and the sign of a broken character."""
POLITE_END = re.compile(r"(?:요|니다|죠|니까)[.!?~…ㅋㅎㅠㅜ\s]*$")


def is_polite(text: str) -> bool:
    """Whether the last sentence ends in 요, 니다, 죠 or a formal question (합니까; not the plain 그러니까)."""
    match = POLITE_END.search(text)
    if match is None:
        return False
    if match[0].startswith("니까"):  # formal after a final ㅂ: 합니까, 있습니까
        before = text[match.start() - 1 : match.start()]
        return "가" <= before <= "힣" and (ord(before) - ord("가")) % 28 == 17
    return True
