"""A recorded face: the 52 units and the head's turn over time; mirrored, smoothed, put on a scene's frames.

Head angles are [turn, nod, tilt] rad in the head's own axes: turn > 0 to the subject's left, nod > 0 up, tilt > 0 raises the
subject's left side (towards the right shoulder). That is how the usual receivers of Live Link Face read HeadYaw, HeadPitch
and HeadRoll; the format itself is not published, so that whoever imports may flip each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import CaptureError
from ..head.expressions import mirror_name
from ..types import ARKIT_NAMES

MAX_FRAMES = 200_000
"""More than two hours at 24 frames a second."""


@dataclass(frozen=True)
class FaceCapture:
    """times_s [N] from 0, rising; values [N, 52] in [0, 1], in the order of ARKIT_NAMES; head_rad [N, 3] or None.

    num_bridged: rows that were unreadable or out of order; what is shown there lies between their neighbours.
    """

    times_s: np.ndarray
    values: np.ndarray
    head_rad: np.ndarray | None
    num_bridged: int = 0


def mirror_capture(capture: FaceCapture) -> FaceCapture:
    """Left and right exchanged, the head's turn and tilt with them."""
    order = [ARKIT_NAMES.index(mirror_name(unit)) for unit in ARKIT_NAMES]
    head = None if capture.head_rad is None else capture.head_rad * (-1.0, 1.0, -1.0)
    return replace(capture, values=capture.values[:, order], head_rad=head)


def flip_head(capture: FaceCapture, is_turn: bool, is_nod: bool, is_tilt: bool) -> FaceCapture:
    """The head's turn, nod or tilt the other way round; what the face shows stays."""
    if capture.head_rad is None:
        return capture
    signs = np.where([is_turn, is_nod, is_tilt], -1.0, 1.0)
    return replace(capture, head_rad=capture.head_rad * signs)


def resample_capture(capture: FaceCapture, frames_per_second: float) -> FaceCapture:
    """One row a frame, linear between the recorded ones. Raises CaptureError when these are more than MAX_FRAMES."""
    num_frames = round(float(capture.times_s[-1]) * frames_per_second) + 1
    if num_frames > MAX_FRAMES:
        raise CaptureError(
            f"The capture lasts {capture.times_s[-1] / 3600:.1f} hours, or its times are wrong: at most {MAX_FRAMES} frames "
            "can be imported at once, so cut it into parts."
        )
    times_s = np.arange(num_frames) / frames_per_second
    head = None if capture.head_rad is None else _interpolate(times_s, capture.times_s, np.unwrap(capture.head_rad, axis=0))
    return replace(capture, times_s=times_s, values=_interpolate(times_s, capture.times_s, capture.values), head_rad=head)


def smooth_capture(capture: FaceCapture, width: float) -> FaceCapture:
    """Each row the mean of its neighbours, weighted by a Gaussian of standard deviation `width`, in rows."""
    if width <= 0 or len(capture.times_s) < 2:
        return capture
    radius = min(int(np.ceil(3 * width)), len(capture.times_s) - 1)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / width) ** 2)
    kernel /= kernel.sum()
    head = None if capture.head_rad is None else _convolve(capture.head_rad, kernel)
    return replace(capture, values=_convolve(capture.values, kernel), head_rad=head)


def _interpolate(times_s: np.ndarray, known_s: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(times_s, known_s, column) for column in values.T], 1)


def _convolve(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    radius = len(kernel) // 2
    padded = np.pad(values, ((radius, radius), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, kernel, mode="valid") for column in padded.T], 1)
