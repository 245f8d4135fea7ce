"""A capture's file -> what a head plays, frame by frame."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np

from ..types import Progress
from .capture import FaceCapture, flip_head, mirror_capture, resample_capture, smooth_capture
from .capture_file import read_capture

READING_SHARE = 0.95
"""Of the time that all of it takes."""


def load_take(
    path: str, *, frames_per_second: float, rows_per_second: float = 60.0, flips: tuple[bool, bool, bool] = (False, False, False),
    is_mirrored: bool = False, smoothing: float = 0.0,
) -> Generator[Progress, None, FaceCapture]:  # fmt: skip
    """One row a frame, in 32 bits; flips: turn, nod, tilt the other way round; smoothing in frames. Raises CaptureError."""
    reading = read_capture(path, rows_per_second)
    while True:
        try:
            progress = next(reading)
        except StopIteration as end:
            capture: FaceCapture = end.value
            break
        yield replace(progress, fraction=READING_SHARE * progress.fraction)
    yield Progress("Resampling the capture", READING_SHARE)
    capture = flip_head(resample_capture(capture, frames_per_second), *flips)
    if is_mirrored:
        capture = mirror_capture(capture)
    capture = smooth_capture(capture, smoothing)
    head = None if capture.head_rad is None else capture.head_rad.astype(np.float32)
    return replace(capture, times_s=capture.times_s.astype(np.float32), values=capture.values.astype(np.float32), head_rad=head)
