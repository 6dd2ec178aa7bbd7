"""How benchmarks show what they measured: medians with their spread, side by side, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One figure, measured on both sides in the same run.

    Attributes:
        ours, theirs: one value per repetition; ``theirs`` is empty where there is nothing to compare with.
        ratio: how the two are set against each other, repetition by repetition; empty where they are not.
        goal: what was asked for, in words.
        met: whether it was reached; None where nothing was asked for.
    """

    name: str
    unit: str
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    ratio: Sequence[float] = ()
    goal: str = ""
    met: bool | None = None


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """``ours`` over ``theirs``, repetition by repetition."""
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def quantile(values: Sequence[float], q: float) -> float:
    """The value that the part ``q`` (0–1) of ``values`` does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def number(value: float) -> str:
    """Three significant digits, thousands separated."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread(values: Sequence[float]) -> str:
    """The median and, of several values, the lowest and the highest."""
    if not values:
        return ""
    median = number(statistics.median(values))
    return median if len(values) == 1 else f"{median} ({number(min(values))}–{number(max(values))})"


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def show(title: str, rows: Sequence[Row], ours: str, theirs: str) -> None:
    """Prints the rows as a table; ``ours`` and ``theirs`` name the two sides."""
    about = machine()
    caption = f"{about['processor']}, {about['cores']} cores, load {about['load']}, Python {about['python']}; median (min–max)"
    table = Table(title=title, caption=caption)
    table.add_column("figure")
    for column in ("unit", ours, theirs, "ratio"):
        table.add_column(column, justify="right" if column != "unit" else "left")
    table.add_column("goal")
    for row in rows:
        mark = {True: " ✓", False: " ✗", None: ""}[row.met]
        table.add_row(row.name, row.unit, spread(row.ours), spread(row.theirs), spread(row.ratio), row.goal + mark)
    Console(width=max(Console().width, 140)).print(table)


def save(path: Path, title: str, rows: Sequence[Row]) -> None:
    """Writes every measured value as JSON."""
    content = {"title": title, "machine": machine(), "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
