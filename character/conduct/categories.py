"""The kinds of conduct that are told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of conduct.

    Attributes:
        id: stable English name, as stored and as in the data.
        name: Korean name, as users and operators read it.
        punished: whether it counts on the ladder; where not, she answers with help.
    """

    id: str
    name: str
    punished: bool = True


CATEGORIES: Final[tuple[Category, ...]] = (
    Category("insult", "욕설·모욕"),
    Category("hate", "혐오"),
    Category("sexual", "성희롱"),
    Category("pressure", "사랑 고백·만남 강요"),
    Category("agitation", "정치 선동"),
    Category("family", "패드립"),
    Category("threat", "폭력·협박"),
    Category("privacy", "개인정보 캐기·털기"),
    Category("jailbreak", "인물 무너뜨리기"),
    Category("self_harm", "자해", punished=False),
)
BY_ID: Final[dict[str, Category]] = {category.id: category for category in CATEGORIES}
CATEGORY_IDS: Final[tuple[str, ...]] = tuple(BY_ID)
