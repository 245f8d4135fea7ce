"""What a latent code is, checked in one place: w [D], one style for all layers, or w+ [L, D], one a layer."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ..errors import ModelError

Rows = Collection[int]
"""Numbers of w+'s rows, counted from 0: the coarse ones (pose, shape of the face) come first, colours last."""


def require_code(code: np.ndarray, what: str = "The latent code") -> np.ndarray:
    """The code in float64, [D] or [L, D]; (1, D) is w. Raises ModelError for other shapes and for numbers that are none."""
    array = np.asarray(code)
    if array.dtype.kind not in "fiu" or array.ndim not in (1, 2) or 0 in array.shape:
        raise ModelError(
            f"{what} is an array of shape {array.shape}: give w [D] or w+ [layers, D], for example (512,) or (18, 512)."
        )
    if not np.isfinite(array).all():
        raise ModelError(f"{what} has numbers that are not finite: make or export it again.")
    wide = array.astype(np.float64)
    return wide[0] if wide.ndim == 2 and len(wide) == 1 else wide


def require_alike(one: np.ndarray, other: np.ndarray, what: str) -> None:
    """Raises ModelError where two codes (or a direction) are not of one generator's size."""
    if one.shape[-1] != other.shape[-1]:
        raise ModelError(
            f"{what} has {other.shape[-1]} numbers a layer and the code {one.shape[-1]}: use one generator's for both."
        )
    if one.ndim == other.ndim == 2 and len(one) != len(other):
        raise ModelError(f"{what} has {len(other)} layers and the code {len(one)}: use one generator's for both.")


def spread_code(code: np.ndarray, num_rows: int) -> np.ndarray:
    """w [D] or w+ [L >= num_rows, D] -> w+ [num_rows, D]. Raises ModelError where there are too few layers."""
    if code.ndim == 1:
        return np.repeat(code[None], num_rows, 0)
    if len(code) < num_rows:
        raise ModelError(f"The latent code has {len(code)} layers and the generator {num_rows}: give a code of that generator.")
    return code[:num_rows]


def require_rows(rows: Rows | None, num_rows: int) -> list[int]:
    """The rows in order, all of them for None. Raises ModelError for one that there is not."""
    if rows is None:
        return list(range(num_rows))
    if wrong := sorted(row for row in rows if not 0 <= row < num_rows):
        raise ModelError(f"There is no layer {wrong[0]}: the code has layers 0 to {num_rows - 1}.")
    if not rows:
        raise ModelError(f"No layer is chosen: choose from 0 to {num_rows - 1}.")
    return sorted(set(rows))


def parse_rows(text: str) -> tuple[int, ...]:
    """'4-7,9' -> (4, 5, 6, 7, 9). Raises ModelError."""
    rows: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        end = last if dash else first
        if not (
            first.isascii() and first.isdigit() and end.isascii() and end.isdigit() and len(end) < 4 and int(first) <= int(end)
        ):
            raise ModelError(f"'{text}' names no layers: write them as 4-7 or 0-3,8.")
        rows += range(int(first), int(end) + 1)
    return tuple(sorted(set(rows)))
