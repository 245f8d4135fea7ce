"""Tables of scores as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

Cell = str | int | float | None


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[Cell]], digits: int = 3) -> str:
    """A table whose numbers stand right; None is an empty cell."""
    numeric = [all(not isinstance(row[i], str) for row in rows) for i in range(len(header))]
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(" ---: " if n else " --- " for n in numeric) + "|"]
    lines += ["| " + " | ".join(_show(cell, digits) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def csv_table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """The same as comma-separated values, numbers in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _show(cell: Cell, digits: int) -> str:
    if cell is None:
        return ""
    return f"{cell:.{digits}f}" if isinstance(cell, float) else str(cell).replace("|", "\\|").replace("\n", " ")
