"""What the dense landmarks really measure, calibrated on rendered heads of known shape.

    landmark_i(photo) = project(surface point i) + scale * roll * (bias_i(yaw, pitch) + modes_i @ z) + noise_i

All offsets live in the upright face frame in metres at the head's distance: turned by the face's roll and scaled by
pixels per metre they become pixels. `z` ~ N(0, I) are the landmarks' correlated errors, estimated along with the head.
`core/calibration` makes the numbers. Frame: x to the right and y down in the upright photo.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ..config import DATA_DIR
from ..errors import ModelError
from ..head.model import SurfacePoints

NUM_LANDMARKS = 478


@dataclass(frozen=True)
class LandmarkCalibration:
    """points [N]: where the landmarks lie on the surface; yaws [B] rad ascending; bias [B,P,N,2] m: coefficients of
    (1, sin pitch) per yaw; modes [B,R,N,2] m; covariance [B,N,2,2] m^2 of what is left; topology: sha256 of the faces."""

    points: SurfacePoints
    yaws: np.ndarray
    bias: np.ndarray
    modes: np.ndarray
    covariance: np.ndarray
    topology: str

    def exact(self, sigma_m: float = 3e-4) -> LandmarkCalibration:
        """The same points measured by an ideal detector with independent noise: for tests and bounds."""
        spread = np.broadcast_to(np.eye(2) * sigma_m**2, self.covariance.shape)
        return replace(self, bias=np.zeros_like(self.bias), modes=np.zeros_like(self.modes), covariance=spread)

    def at(self, yaw: float, pitch: float) -> Measurement:
        """Linear interpolation of moments between the two nearest yaw bins, constant outside; both bins' modes are kept."""
        position = np.interp(yaw, self.yaws, np.arange(len(self.yaws)))
        low = min(int(position), len(self.yaws) - 2)
        a = position - low
        mix = lambda values: (1 - a) * values[low] + a * values[low + 1]  # noqa: E731
        bias = np.tensordot([1.0, np.sin(pitch)], mix(self.bias), 1)
        modes = np.concatenate([np.sqrt(1 - a) * self.modes[low], np.sqrt(a) * self.modes[low + 1]])
        return Measurement(bias, modes, mix(self.covariance))


@dataclass(frozen=True)
class Measurement:
    """The calibration at one head direction: bias [N,2] m, modes [R,N,2] m, covariance [N,2,2] m^2."""

    bias: np.ndarray
    modes: np.ndarray
    covariance: np.ndarray


def save_calibration(calibration: LandmarkCalibration, path: Path) -> None:
    np.savez_compressed(
        path,
        yaws=calibration.yaws,
        indices=calibration.points.indices.astype(np.int32),
        weights=calibration.points.weights.astype(np.float16),
        bias=calibration.bias.astype(np.float16),
        modes=(calibration.modes * 1e3).astype(np.float16),
        covariance=(calibration.covariance * 1e6).astype(np.float16),
        topology=np.array(calibration.topology),
    )


def load_calibration(path: Path = DATA_DIR / "landmark_calibration.npz") -> LandmarkCalibration:
    """Read what save_calibration wrote. Raises ModelError when it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            weights = file["weights"].astype(np.float64)
            return LandmarkCalibration(
                points=SurfacePoints(file["indices"].astype(np.int64), weights / weights.sum(-1, keepdims=True)),
                yaws=file["yaws"],
                bias=file["bias"].astype(np.float64),
                modes=file["modes"].astype(np.float64) * 1e-3,
                covariance=file["covariance"].astype(np.float64) * 1e-6,
                topology=str(file["topology"]),
            )
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise ModelError(f"The landmark calibration {path} cannot be read ({error}): reinstall Likeness.") from error


@dataclass(frozen=True)
class FaceFrame:
    """The head's direction in the camera: yaw (> 0 turns to the image's right), pitch (> 0 looks down), and
    px_from_m [2,2]: the upright face frame in metres to image pixels."""

    yaw: float
    pitch: float
    px_from_m: np.ndarray


def face_frame(R: np.ndarray, focal_px: float, depth_m: float) -> FaceFrame:
    """R [3,3] camera from model; depth_m: the landmarks' mean distance along the optical axis."""
    forward, up = R[:, 2], R[:, 1]
    roll = np.arctan2(up[0], -up[1])
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    yaw = np.arctan2(forward[0], -forward[2])
    return FaceFrame(float(yaw), float(np.arcsin(np.clip(forward[1], -1, 1))), turn * focal_px / depth_m)
