"""Preset files: numbers by name, as a Python file that assigns a dictionary; read as data and never run."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from .errors import PresetError


def read_preset(path: str | Path, known: Iterable[str]) -> dict[str, float]:
    """Name -> value. Raises PresetError when the file is missing, holds anything else, or a name that is not `known`."""
    try:
        tree = ast.parse(Path(path).read_text(encoding="utf-8"))
        assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
        values = {name: float(value) for name, value in ast.literal_eval(assigned[0].value).items()}
    except (OSError, SyntaxError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise PresetError(f"The preset {Path(path).name} cannot be read: save it again, or remove it.") from error
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise PresetError(
            f"The preset {Path(path).name} names {unknown[0]}, which this version does not know: correct or remove it."
        )
    return values


def write_preset(path: str | Path, variable: str, values: dict[str, float]) -> None:
    """Keep numbers, rounded to thousandths, in their order. Raises PresetError when the file cannot be written."""
    lines = "".join(f'    "{name}": {round(value, 3)},\n' for name, value in values.items())
    text = f"{variable} = {{\n{lines}}}\n" if values else f"{variable} = {{}}\n"
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise PresetError(f"The preset cannot be written to {path}: {error.strerror}.") from error
