"""Tables for people: aligned, and Markdown at the same time, so that they can be pasted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["amount", "size_text", "table"]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The lines of a Markdown table with columns of even width. Every row is as long as the head."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([text[0], rule, *text[1:]])


def size_text(count: float) -> str:
    """Bytes for people: ``1.2 GB``."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"


def amount(value: float | None, digits: int = 3, unit: str = "") -> str:
    """A number with about so many significant digits, or a dash for None."""
    if value is None:
        return "-"
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return f"{value:.{max(0, digits - whole)}f}{unit}"
