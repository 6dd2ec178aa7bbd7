"""Korean time expressions as days, in relation to the day they were said. Pure."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

WEEKDAYS = "월화수목금토일"
COUNTS = {
    "하루": 1, "이틀": 2, "사흘": 3, "나흘": 4, "닷새": 5, "엿새": 6, "이레": 7, "여드레": 8, "아흐레": 9, "열흘": 10, "보름": 15,
}  # fmt: skip
NUMBERS = {
    "한": 1, "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9, "열": 10,
    "일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9, "십": 10,
}  # fmt: skip
DAY_WORDS = {
    "그끄저께": -3, "그저께": -2, "그제": -2, "엊그제": -2, "어제": -1, "어젯밤": -1, "오늘": 0, "이따": 0, "이따가": 0,
    "내일모레": 2, "낼모레": 2, "내일": 1, "낼": 1, "명일": 1, "모레": 2, "글피": 3, "그글피": 4,
}  # fmt: skip
HOLIDAYS = {
    "크리스마스이브": (12, 24), "크리스마스": (12, 25), "성탄절": (12, 25), "새해": (1, 1), "신정": (1, 1), "삼일절": (3, 1),
    "발렌타인데이": (2, 14), "발렌타인": (2, 14), "화이트데이": (3, 14), "식목일": (4, 5), "어린이날": (5, 5), "어버이날": (5, 8),
    "스승의날": (5, 15), "현충일": (6, 6), "제헌절": (7, 17), "광복절": (8, 15), "개천절": (10, 3), "한글날": (10, 9),
    "할로윈": (10, 31), "핼러윈": (10, 31), "빼빼로데이": (11, 11),
}  # fmt: skip
# Lunar feasts have no formula worth its length: the days themselves, from the almanac.
LUNAR = {
    "설날": {
        2024: (2, 10), 2025: (1, 29), 2026: (2, 17), 2027: (2, 7), 2028: (1, 27), 2029: (2, 13), 2030: (2, 3),
        2031: (1, 23), 2032: (2, 11), 2033: (1, 31), 2034: (2, 19), 2035: (2, 8),
    },
    "추석": {
        2024: (9, 17), 2025: (10, 6), 2026: (9, 25), 2027: (9, 15), 2028: (10, 3), 2029: (9, 22), 2030: (9, 12),
        2031: (10, 1), 2032: (9, 19), 2033: (9, 8), 2034: (9, 27), 2035: (9, 16),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Span:
    """Days ``first`` to ``last``, both included, as they stand at ``[start, end)`` of the text."""

    first: date
    last: date
    start: int = 0
    end: int = 0
    words: str = ""


def _day(day: date) -> tuple[date, date]:
    return day, day


def _shift_month(year: int, month: int, by: int) -> tuple[int, int]:
    index = year * 12 + month - 1 + by
    return index // 12, index % 12 + 1


def _month(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


def _add_months(day: date, by: int) -> date:
    year, month = _shift_month(day.year, day.month, by)
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _number(word: str) -> int:
    return int(word) if word.isdigit() else NUMBERS[word]


def _week(said: date, by: int) -> date:
    """The Monday of the week ``by`` weeks from now."""
    return said - timedelta(days=said.weekday()) + timedelta(weeks=by)


WEEK_STEP = {
    "지지난": -2,
    "저저번": -2,
    "지난": -1,
    "저번": -1,
    "이번": 0,
    "금": 0,
    "다음": 1,
    "담": 1,
    "다다음": 2,
    "다담": 2,
}
MONTH_STEP = {"지지난": -2, "지난": -1, "저번": -1, "이번": 0, "이": 0, "다음": 1, "담": 1, "다다음": 2}
YEAR_STEP = {"재작년": -2, "작년": -1, "지난해": -1, "올해": 0, "금년": 0, "내년": 1, "내후년": 2, "후년": 2}


def _in_year(said: date, month: int, day: int, past: bool) -> date | None:
    """The nearest such day that is not behind (``past``: not ahead) of the day it was said."""
    for by in range(9):  # 29 February comes back within eight years
        try:
            found = date(said.year + (-by if past else by), month, day)
        except ValueError:
            continue
        if found <= said if past else found >= said:
            return found
    return None


def _full(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    year = int(match["y"])
    return _day(date(year + 2000 if year < 100 else year, int(match["m"]), int(match["d"])))


def _month_day(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    month, day = int(match["m"]), int(match["d"])
    if match["year"]:
        return _day(date(said.year + YEAR_STEP[match["year"]], month, day))
    found = _in_year(said, month, day, past)
    return None if found is None else _day(found)


_SINO = {"일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "유": 6, "칠": 7, "팔": 8, "구": 9, "시": 10}


def _sino(word: str) -> int:
    """31 of 삼십일, 10 of 십."""
    tens, ten, ones = word.partition("십")
    return (_SINO.get(tens, 1) * 10 if ten else _SINO.get(tens, 0)) + (_SINO.get(ones, 0) if ten else 0)


def _spelt(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    found = _in_year(said, _sino(match["m"]), _sino(match["d"]), past)
    return None if found is None else _day(found)


def _step_month_day(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    year, month = _shift_month(said.year, said.month, MONTH_STEP[match["step"]])
    return _day(date(year, month, int(match["d"]))) if match["d"] else _month(year, month)


def _month_only(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    month = int(match["m"])
    if match["year"]:
        return _month(said.year + YEAR_STEP[match["year"]], month)
    ahead = month < said.month if not past else month > said.month
    return _month(said.year + (0 if not ahead else -1 if past else 1), month)


def _bare_day(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    day = int(match["d"])
    for by in range(12):
        year, month = _shift_month(said.year, said.month, -by if past else by)
        if day <= calendar.monthrange(year, month)[1]:
            found = date(year, month, day)
            if found <= said if past else found >= said:
                return _day(found)
    return None


def _weekday(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    index = WEEKDAYS.index(match["w"])
    return _day(_week(said, WEEK_STEP[match["step"]]) + timedelta(days=index))


def _weekday_near(said: date, index: int, past: bool) -> tuple[date, date]:
    if past:
        return _day(said - timedelta(days=(said.weekday() - index - 1) % 7 + 1))
    # Of today one says 오늘: the bare name of today's weekday is the one in a week.
    return _day(said + timedelta(days=(index - said.weekday() - 1) % 7 + 1))


def _named_weekday(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    step, index = match["step"], WEEKDAYS.index(match["w"])
    if step in ("지난", "저번"):
        return _day(said - timedelta(days=(said.weekday() - index - 1) % 7 + 1))
    if step == "이번":
        return _day(said + timedelta(days=(index - said.weekday()) % 7))
    if step is not None:
        return _day(_week(said, 1) + timedelta(days=index))
    return _weekday_near(said, index, past)


def _weekend(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    step = match["step"]
    by = WEEK_STEP[step] if step else (-1 if past else 1 if said.weekday() == 6 else 0)
    saturday = _week(said, by) + timedelta(days=5)
    return saturday, saturday + timedelta(days=1)


def _whole_week(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    monday = _week(said, WEEK_STEP[match["step"]])
    return monday, monday + timedelta(days=6)


def _year(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    year = said.year + YEAR_STEP[match["year"]]
    return date(year, 1, 1), date(year, 12, 31)


def _distance(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    sign = -1 if match["dir"] == "전" else 1
    if match["count"]:
        return _day(said + timedelta(days=sign * COUNTS[match["count"]]))
    number, unit = _number(match["n"]), match["u"]
    if unit in ("달", "개월"):
        return _day(_add_months(said, sign * number))
    if unit == "년":
        return _day(_add_months(said, sign * 12 * number))
    return _day(said + timedelta(days=sign * number * (7 if unit in ("주", "주일") else 1)))


def _word(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    return _day(said + timedelta(days=DAY_WORDS[match["word"]]))


def _holiday(match: re.Match[str], said: date, past: bool) -> tuple[date, date] | None:
    name, year = re.sub(r"\s", "", match["h"]), match["year"]
    if name in HOLIDAYS:
        month, day = HOLIDAYS[name]
        if year:
            return _day(date(said.year + YEAR_STEP[year], month, day))
        found = _in_year(said, month, day, past)
        return None if found is None else _day(found)
    days = [date(y, *at) for y, at in LUNAR["설날" if name in ("설날", "구정") else "추석"].items()]
    if year:
        days = [day for day in days if day.year == said.year + YEAR_STEP[year]]
    else:
        days = [day for day in days if (day <= said if past else day >= said)]
    return _day(days[-1 if past else 0]) if days else None


def _either(words: Iterable[str]) -> str:
    """An alternation that prefers the longest word."""
    return "|".join(sorted(words, key=len, reverse=True))


_YEAR = _either(YEAR_STEP)
_WEEK = _either(WEEK_STEP)
_MONTHS = _either(MONTH_STEP)
_HOLIDAY = _either(re.sub("의날$", r"의\\s*날", name) for name in HOLIDAYS)
_NEW = r"(?<![0-9가-힣A-Za-z])"  # a new word begins here
_M = r"(?P<m>1[0-2]|0?[1-9])"
_D = r"(?P<d>[0-3]?\d)"
_LASTS = r"(?!\s*(?:뒤|후|전|동안|간|째|만|정도|이상|치|분|이나))"  # after these a number of days is a length of time
_WHOLE = r"(?=에|에는|엔|부터|까지|쯤|은|는|$|[^가-힣])"

_Reading = Callable[[re.Match[str], date, bool], tuple[date, date] | None]
_RULES: list[tuple[re.Pattern[str], _Reading]] = [
    (re.compile(pattern), reading)
    for pattern, reading in [
        (
            rf"(?<!\d)(?P<y>20\d\d|\d\d)\s*(?:년\s*|[-./]\s?){_M}\s*(?:월\s*|[-./]\s?){_D}(?!\d)(?:\s*일)?",
            _full,
        ),
        (rf"(?:(?P<year>{_YEAR})\s*)?(?<!\d){_M}\s*월\s*{_D}\s*일{_LASTS}", _month_day),
        (rf"(?:(?P<year>{_YEAR})\s+)?(?<![\d/.]){_M}/{_D}(?![\d/])", _month_day),
        (
            r"(?<![가-힣])(?P<m>[일이삼사오유육칠팔구시]|십|십일|십이)월\s*(?P<d>[이삼]?십[일이삼사오육칠팔구]?|[일이삼사오육칠팔구])일",
            _spelt,
        ),
        (rf"{_NEW}(?P<step>{_MONTHS})\s*달\s*{_D}\s*일{_LASTS}", _step_month_day),
        (rf"{_NEW}(?P<step>{_WEEK})\s*주\s*(?P<w>[{WEEKDAYS}])(?:요일|욜)(?!마다)", _weekday),
        (rf"{_NEW}(?:(?P<step>{_WEEK})\s*(?:주\s*)?)?주말(?!마다)", _weekend),
        (rf"{_NEW}(?P<step>{_WEEK})\s*주{_WHOLE}", _whole_week),
        (rf"{_NEW}(?P<step>{_MONTHS})\s*달(?P<d>){_WHOLE}", _step_month_day),
        (
            rf"{_NEW}(?:(?P<count>{_either(COUNTS)})|(?P<n>\d{{1,3}}|{_either(NUMBERS)})\s*(?P<u>일|주일|주|달|개월|년))"
            r"\s*(?P<dir>뒤|후|전)(?![반기화생])",
            _distance,
        ),
        (rf"(?:(?P<year>{_YEAR})\s*)?{_NEW}(?P<h>{_HOLIDAY}|설날|구정|추석|한가위)", _holiday),
        (rf"(?:(?P<year>{_YEAR})\s*)?(?<!\d){_M}\s*월(?!\s*\d)(?=\s|에|부터|까지|쯤|말|초|중|이|은|$)", _month_only),
        (rf"(?<![\d.월])(?<!월 )(?P<d>[12]?\d|3[01])\s*일(?=에|날|까지|부터|이|은|\s|[.,!?~]|$){_LASTS}", _bare_day),
        (rf"{_NEW}(?:(?P<step>지난|저번|이번|다음|담)\s*)?(?P<w>[{WEEKDAYS}])(?:요일|욜)(?!마다)", _named_weekday),
        (rf"{_NEW}(?P<word>{_either(DAY_WORDS)})", _word),
        (rf"{_NEW}(?P<year>{_YEAR})", _year),
    ]
]


def find(text: str, said: date, past: bool = False) -> list[Span]:
    """Every time expression of ``text``, first to last, without overlaps; impossible dates (2월 30일) are left out.

    Args:
        said: the day the text was said.
        past: the text tells of what was: a date without a year or direction then lies behind and not ahead.
    """
    taken: list[tuple[int, int]] = []
    found: list[Span] = []
    for pattern, reading in _RULES:
        for match in pattern.finditer(text):
            if any(match.start() < end and match.end() > start for start, end in taken):
                continue
            taken.append(match.span())
            try:
                days = reading(match, said, past)
            except (ValueError, OverflowError):  # no such day in the calendar
                continue
            if days is not None:
                found.append(Span(*days, *match.span(), match[0]))
    return sorted(found, key=lambda span: span.start)


def resolve(text: str, said: date, past: bool = False) -> Span | None:
    """The days that ``text`` is about: its first time expression; None where there is none."""
    found = find(text, said, past)
    return found[0] if found else None


def month_day(text: str) -> tuple[int, int] | None:
    """Month and day of a birthday that is written in ``text``; None where there is none, or one of the lunar calendar."""
    if "음력" in text:
        return None
    match = re.search(r"(?<!\d)(1[0-2]|0?[1-9])\s*(?:월\s*|[/.-])([0-3]?\d)(?!\d)", text)
    if match is None:
        return None
    month, day = int(match[1]), int(match[2])
    return (month, day) if 1 <= day <= calendar.monthrange(2024, month)[1] else None
