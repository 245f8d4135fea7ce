"""How the skin of a photo differs from evenly coloured skin under smooth light, and the term of the fit that knows it.

    log brightness(sample) = log(harmonics(normal) @ light) + log openness + level + mean + modes @ z + noise
    log red / green        = (first harmonics(normal)) @ chroma              + mean + modes @ z + noise

The samples are vertices of the face. `mean` and `modes` are what lips, brows, flush, stubble, cast shadows and highlights do
to both channels, `noise` what remains; core/calibration learns them on rendered people of known shape. z ~ N(0, I): a skin of
few parameters that is estimated along with shape and light.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from PIL import Image, ImageFilter

from ..config import DATA_DIR
from ..errors import ModelError
from ..render.rasterize import sample_image
from ..render.shading import SH_CONSTANTS, SRGB_TABLE, multiple_bounces, sh_basis
from ..render.visibility import Occluder
from ..types import Camera
from .light import head_crop
from .sampled_surface import Patch

SAMPLING_PX = 256
"""Longer side of the head in the crop that is compared."""
BLUR_MM = 1.0
"""The photo is blurred to the spacing of the samples."""
BRIGHTNESS = np.array([0.30, 0.55, 0.15])
"""Weights of linear red, green, blue."""
BLACK = 0.004
"""Added before the logarithm: what cameras cannot tell from black."""
MIDDLE_ALBEDO = 0.4
LEAST_LIGHT = 0.03
LEAST_OPENNESS = 0.05
FACING = (0.15, 0.5)
"""Cosines to the camera between which a sample's weight rises from 0 to 1."""
LIGHT_RIDGE = np.array([0.0] + [0.003] * 3 + [0.012] * 5)
CHROMA_RIDGE = np.array([1e-6, 3.0, 3.0, 3.0])
WIDER = 1.5
"""The light's prior is this much wider than the lights it was learnt from."""
NUM_LIGHT, NUM_CHROMA = 9, 4


@dataclass(frozen=True)
class PhotometricCalibration:
    """vertices [N]: the samples; rings [N,R], ring_weights [2,N,R]: their tangents (sampled_surface.py); mean [2,N], modes
    [A,2,N], noise [2,N] (standard deviation) of log brightness and log red / green; light_spread [9], chroma_spread [4];
    topology: sha256 of the faces."""

    vertices: np.ndarray
    rings: np.ndarray
    ring_weights: np.ndarray
    mean: np.ndarray
    modes: np.ndarray
    noise: np.ndarray
    light_spread: np.ndarray
    chroma_spread: np.ndarray
    topology: str


HALF_FIELDS = ("mean", "modes", "noise")


def save_photometry(calibration: PhotometricCalibration, path: Path) -> None:
    """What load_photometry reads."""
    fields = {name: getattr(calibration, name) for name in PhotometricCalibration.__annotations__}
    fields |= {name: fields[name].astype(np.float16) for name in HALF_FIELDS}
    fields |= {name: fields[name].astype(np.int32) for name in ("vertices", "rings")}
    np.savez_compressed(path, **fields | {"ring_weights": calibration.ring_weights.astype(np.float32)})


def load_photometry(path: Path = DATA_DIR / "photometric_calibration.npz") -> PhotometricCalibration:
    """Read what save_photometry wrote. Raises ModelError when it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            fields = {name: file[name] for name in PhotometricCalibration.__annotations__}
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise ModelError(f"The photometric calibration {path} cannot be read ({error}): reinstall Likeness.") from error
    fields |= {name: fields[name].astype(np.float64) for name in HALF_FIELDS}
    return PhotometricCalibration(**fields | {"topology": str(fields["topology"])})


class LogImage:
    """A head's crop of a photo as log brightness and log red / green with their slopes; `scale` and `offset` take the photo's
    pixels to the crop's."""

    def __init__(self, pixels: np.ndarray, camera: Camera, posed: np.ndarray) -> None:
        crop, view = head_crop(pixels, camera, posed, SAMPLING_PX)
        depth = (posed @ camera.R[2] + camera.t[2]).mean()
        self.px_per_mm = view.K[0, 0] / depth / 1000
        self.bytes = crop
        self.scale = view.K[0, 0] / camera.K[0, 0]
        self.offset = view.K[:2, 2] - self.scale * camera.K[:2, 2]
        blurred = Image.fromarray(crop).filter(ImageFilter.GaussianBlur(float(max(0.4, BLUR_MM * self.px_per_mm))))
        linear = SRGB_TABLE[np.asarray(blurred)]
        logs = np.stack([np.log(linear @ BRIGHTNESS + BLACK), np.log((linear[..., 0] + BLACK) / (linear[..., 1] + BLACK))], -1)
        slopes = [np.gradient(logs[..., channel])[axis] for channel in (0, 1) for axis in (1, 0)]
        self.image = np.ascontiguousarray(np.concatenate([logs, np.stack(slopes, -1)], -1), np.float32)

    def sample(self, points_px: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Photo pixels [N, 2] -> log values [2, N], slopes [2, N, 2] per photo pixel, is_inside [N]."""
        points = points_px * self.scale + self.offset
        values = sample_image(self.image, points).astype(np.float64)
        is_inside = ((points > 1.5) & (points < np.array(self.image.shape[1::-1]) - 1.5)).all(1)
        return values[:, :2].T, values[:, 2:].reshape(-1, 2, 2).transpose(1, 0, 2) * self.scale, is_inside


@dataclass(frozen=True)
class Sight:
    """What a camera sees of the samples: weight [N] in [0, 1] (facing, unhidden); log_openness [N]: ambient occlusion."""

    weight: np.ndarray
    log_openness: np.ndarray


def look(patch: Patch, eye: np.ndarray, occluder: Occluder) -> Sight:
    """The samples from `eye` [3] past the posed head."""
    to_eye = eye - patch.points
    cosine = np.einsum("nc,nc->n", patch.normals, to_eye) / np.linalg.norm(to_eye, axis=1)
    weight = np.clip((cosine - FACING[0]) / (FACING[1] - FACING[0]), 0, 1)
    weight *= occluder.sees(eye, patch.points + patch.normals * 3e-4, 5e-4)
    openness = occluder.openness(patch.points + patch.normals * 5e-4, patch.normals, 16)
    bounced = multiple_bounces(openness[:, None], np.array([MIDDLE_ALBEDO]))[:, 0]
    return Sight(weight, np.log(np.maximum(bounced, LEAST_OPENNESS)))


@dataclass
class SkinState:
    """level: log brightness of the photo's skin; light [9], chroma [4], skin [A]."""

    level: float
    light: np.ndarray
    chroma: np.ndarray
    skin: np.ndarray

    def vector(self) -> np.ndarray:
        return np.concatenate([self.light, self.chroma, self.skin])

    def moved(self, step: np.ndarray) -> SkinState:
        end = NUM_LIGHT + NUM_CHROMA
        return SkinState(self.level, self.light + step[:NUM_LIGHT], self.chroma + step[NUM_LIGHT:end], self.skin + step[end:])


def first_skin(
    values: np.ndarray, normals: np.ndarray, weight: np.ndarray, sight: Sight, mean: np.ndarray, modes: int
) -> SkinState:
    """Light and chroma that explain log values [2, N] best with the mean skin: robust linear least squares."""
    seen = weight > 0.2 if (weight > 0.2).any() else np.ones(len(weight), bool)
    level = float(np.median(values[0, seen]))
    light, _ = fit_smooth_light(normals, values[0] - level - sight.log_openness - mean[0], weight)
    return SkinState(level, light, fit_chroma(normals, values[1] - mean[1], weight), np.zeros(modes))


def fit_smooth_light(
    normals: np.ndarray, log_values: np.ndarray, weight: np.ndarray, rounds: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Light [9] on even skin, and the log residual [N]; reweighted by Cauchy's loss."""
    basis, target, trust = sh_basis(normals), np.exp(log_values), np.ones(len(normals))
    light, residual = np.zeros(NUM_LIGHT), np.zeros(len(normals))
    for _ in range(rounds):
        w = weight * trust
        scaled = basis * w[:, None] / max(w.sum(), 1e-9)
        light = np.linalg.solve(scaled.T @ basis + np.diag(LIGHT_RIDGE + 1e-9), scaled.T @ target)
        residual = log_values - np.log(np.maximum(basis @ light, 0.05))
        spread = 1.4826 * np.median(np.abs(residual[weight > 0.2])) + 0.02 if (weight > 0.2).any() else 1.0
        trust = 1 / (1 + (residual / (2 * spread)) ** 2)
    return light, residual


def fit_chroma(normals: np.ndarray, log_ratio: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Chroma [4] of an evenly coloured skin's log red / green [N]."""
    basis = sh_basis(normals)[:, :NUM_CHROMA]
    scaled = basis * weight[:, None]
    solved: np.ndarray = np.linalg.solve(scaled.T @ basis + np.diag(CHROMA_RIDGE), scaled.T @ log_ratio)
    return solved


@dataclass(frozen=True)
class Prediction:
    """residual [2, N]: predicted minus seen log values; slopes [2, N, 2] of the image; irradiance [N]; is_inside [N]."""

    residual: np.ndarray
    slopes: np.ndarray
    irradiance: np.ndarray
    is_inside: np.ndarray


class ShadingTerm:
    """The photometric part of one photo's least-squares problem."""

    def __init__(self, calibration: PhotometricCalibration, image: LogImage, noise_scale: float, degrees: float) -> None:
        self.calibration, self.image, self.degrees = calibration, image, degrees
        self.noise = calibration.noise * noise_scale
        self.precision = np.ones(NUM_LIGHT + NUM_CHROMA + len(calibration.modes))
        self.precision[:NUM_LIGHT] = (WIDER * calibration.light_spread) ** -2
        self.precision[NUM_LIGHT : NUM_LIGHT + NUM_CHROMA] = (WIDER * calibration.chroma_spread) ** -2
        self.precision[[0, NUM_LIGHT]] = 1e-6

    def predict(self, state: SkinState, patch: Patch, points_px: np.ndarray, sight: Sight) -> Prediction:
        values, slopes, is_inside = self.image.sample(points_px)
        basis = sh_basis(patch.normals)
        irradiance = np.maximum(basis @ state.light, LEAST_LIGHT)
        skin = self.calibration.mean + np.tensordot(state.skin, self.calibration.modes, 1)
        brightness = np.log(irradiance) + state.level + sight.log_openness
        predicted = np.stack([brightness, basis[:, :NUM_CHROMA] @ state.chroma]) + skin
        return Prediction(predicted - values, slopes, irradiance, is_inside)

    def whitening(self, prediction: Prediction, sight: Sight, softness: float) -> np.ndarray:
        """[2, N]"""
        weights: np.ndarray = sight.weight * prediction.is_inside / self.noise / softness
        return weights

    def cost(self, state: SkinState, prediction: Prediction, sight: Sight, softness: float) -> float:
        squared = (prediction.residual * self.whitening(prediction, sight, softness)) ** 2
        robust = 0.5 * (self.degrees + 1) * np.log1p(squared / self.degrees).sum()
        return float(robust + 0.5 * (self.precision * state.vector() ** 2).sum())

    def normal_slopes(self, state: SkinState, patch: Patch, prediction: Prediction) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of both predicted logs by the normal: [N, 3], [N, 3]."""
        x, y, z = patch.normals.T
        c1, c2, c3, c4 = SH_CONSTANTS[1:]
        l = state.light  # noqa: E741
        by_normal = np.stack(
            [
                c1 * l[3] + c2 * (y * l[4] + z * l[7]) + 2 * c4 * x * l[8],
                c1 * l[1] + c2 * (x * l[4] + z * l[5]) - 2 * c4 * y * l[8],
                c1 * l[2] + c2 * (y * l[5] + x * l[7]) + 6 * c3 * z * l[6],
            ],
            -1,
        )
        by_chroma = c1 * state.chroma[[3, 1, 2]]
        return by_normal / prediction.irradiance[:, None], np.broadcast_to(by_chroma, by_normal.shape)

    def skin_jacobian(self, patch: Patch, prediction: Prediction) -> np.ndarray:
        """[2, N, 9 + 4 + A]"""
        basis, modes = sh_basis(patch.normals), self.calibration.modes.transpose(1, 2, 0)
        J = np.zeros((*modes.shape[:2], NUM_LIGHT + NUM_CHROMA + modes.shape[2]))
        J[0, :, :NUM_LIGHT] = basis / prediction.irradiance[:, None]
        J[1, :, NUM_LIGHT : NUM_LIGHT + NUM_CHROMA] = basis[:, :NUM_CHROMA]
        J[..., NUM_LIGHT + NUM_CHROMA :] = modes
        return J
