"""Speech levels: whether a line ends politely (해요체, 합니다체) or plainly (반말)."""

from __future__ import annotations

import re

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
