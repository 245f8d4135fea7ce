"""`python -m likeness.core.calibration.photometry`: learn how the skin of photos differs from even skin under smooth light.

Rendered people of known shape: the light that explains each best with even skin, the log residuals of all samples, and their
mean, leading modes and remaining noise by expectation-maximisation (a factor analysis with missing data, for nobody is seen
from all sides). Every head counts twice, as itself and mirrored. Writes data/photometric_calibration.npz.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import ASSETS_DIR, DATA_DIR
from ..fit.face_zones import find_zones
from ..fit.light import opaque_triangles
from ..fit.photometry import LogImage, PhotometricCalibration, fit_chroma, fit_smooth_light, look, save_photometry
from ..fit.sampled_surface import SampledSurface, sample_surface, tangent_weights
from ..head.model import HeadModel, load_model
from ..render.camera import camera_position, project
from ..render.shading import sh_basis, vertex_normals
from ..render.visibility import Occluder
from .render import RenderedPerson, build_studio, render_person

FIRST_SEED = 6_100_000
NUM_MODES = 32
ROUNDS = 30
SPACING_M, FEATURE_SPACING_M = 0.0032, 0.0022
"""Least distance between samples, and around brows, eyes, nostrils and lips."""
EYE_REACH = np.array([0.8, 0.52])
"""Half axes of what counts as an eye, in lengths of the fissure."""
LARGEST = 1.5
"""Log residuals are cut off here."""
LEAST_SEEN = 150


@dataclass(frozen=True)
class Residuals:
    """values [2, N] log brightness and log red / green; weight [N]; light [9] over the skin's level; chroma [4]."""

    values: np.ndarray
    weight: np.ndarray
    light: np.ndarray
    chroma: np.ndarray


def choose_samples(model: HeadModel) -> np.ndarray:
    """Vertices [N] of the open front of the face, thinned out, closer around its features."""
    triangles, zones = opaque_triangles(model), find_zones(model)
    normals = vertex_normals(model.template, triangles)
    skin = np.unique(model.faces[model.face_parts == model.part_names.index("skin")])
    openness = Occluder(model.template, triangles).openness(model.template[skin] + normals[skin] * 5e-4, normals[skin], 32, 0.02)
    hidden = np.maximum.reduce([model.regions[name] for name in ("mouth_inside", "eye_socket", "nostrils")])
    usable = skin[(zones.front[skin] > 0.3) & (openness > 0.3) & (hidden[skin] < 0.3) & ~around_eyes(model)[skin]]
    lips = np.maximum(model.regions["lip_upper"], model.regions["lip_lower"])
    feature = np.maximum(zones.feature, lips)
    rng = np.random.default_rng(0)
    wide = _thin_out(model.template, rng.permutation(usable), SPACING_M)
    return np.union1d(wide, _thin_out(model.template, rng.permutation(usable[feature[usable] > 0.3]), FEATURE_SPACING_M))


def around_eyes(model: HeadModel) -> np.ndarray:
    """[V] Where real eyes have lashes and make-up that our renders lack: they would be taken for wide lids."""
    corners = model.landmarks7.evaluate(model.template)[:4].reshape(2, 2, 3)
    offsets = model.template[:, None] - corners.mean(1)
    reach = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1)[:, None] * EYE_REACH
    inside: np.ndarray = (((offsets[..., :2] / reach) ** 2).sum(-1) < 1).any(1)
    return inside


def _thin_out(points: np.ndarray, candidates: np.ndarray, spacing: float) -> np.ndarray:
    kept: list[int] = []
    for i in candidates.tolist():
        if not kept or np.linalg.norm(points[kept] - points[i], axis=1).min() > spacing:
            kept.append(i)
    return np.array(kept)


def find_residuals(
    person: RenderedPerson, model: HeadModel, surface: SampledSurface, lips: np.ndarray, triangles: np.ndarray
) -> Residuals | None:
    """What even skin under smooth light leaves unexplained at the true shape; None where too little is seen."""
    posed = model.pose(person.code)
    patch = surface.pose(person.code.identity, person.code.expression)
    sight = look(patch, camera_position(person.camera), Occluder(posed, triangles))
    values, _, is_inside = LogImage(person.pixels, person.camera, posed).sample(project(person.camera, patch.points)[0])
    weight = sight.weight * is_inside
    if (weight > 0.2).sum() < LEAST_SEEN:
        return None
    light, brightness = fit_smooth_light(patch.normals, values[0] - sight.log_openness, weight)
    chroma = fit_chroma(patch.normals, values[1], weight * (1 - lips))
    redness = values[1] - sh_basis(patch.normals)[:, :4] @ chroma
    level = np.exp(np.median(values[0, weight > 0.2]))
    return Residuals(np.clip([brightness, redness], -LARGEST, LARGEST), weight, light / level, chroma)


def factor_analysis(values: np.ndarray, weight: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """values, weight [S, D] -> mean [D], modes [count, D] of unit normal factors, variance [D] of the rest."""
    mean = (values * weight).sum(0) / (weight.sum(0) + 1e-6)
    modes = 0.05 * np.random.default_rng(0).normal(size=(count, values.shape[1]))
    variance = np.full(values.shape[1], 0.02)
    for _ in range(ROUNDS):
        scores, spreads = np.zeros((len(values), count)), np.zeros((len(values), count, count))
        for s, (row, w) in enumerate(zip(values - mean, weight, strict=True)):
            scaled = modes * (w / variance)
            spreads[s] = np.linalg.inv(np.eye(count) + scaled @ modes.T)
            scores[s] = spreads[s] @ (scaled @ row)
        second = spreads + scores[:, :, None] * scores[:, None]
        A = np.einsum("sd,sij->dij", weight, second, optimize=True) + 1e-3 * np.eye(count)
        b = np.einsum("sd,si->di", weight * (values - mean), scores, optimize=True)
        modes = np.linalg.solve(A, b[..., None])[..., 0].T
        mean = (weight * (values - scores @ modes)).sum(0) / (weight.sum(0) + 1e-6)
        doubt = np.einsum("id,sij,jd->sd", modes, spreads, modes, optimize=True)
        rest = (values - mean - scores @ modes) ** 2 + doubt
        variance = ((weight * rest).sum(0) + 0.002) / (weight.sum(0) + 0.2)
    return mean, modes, variance


def learn(people: list[Residuals], twins: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """-> mean [2, N], modes [A, 2, N], noise [2, N]; twins [N]: the sample on the other side."""
    values = np.array([v for p in people for v in (p.values.ravel(), p.values[:, twins].ravel())])
    weight = np.array([np.tile(w, 2) for p in people for w in (p.weight, p.weight[twins])])
    mean, modes, variance = factor_analysis(values, weight, NUM_MODES)
    return mean.reshape(2, -1), modes.reshape(NUM_MODES, 2, -1), np.sqrt(variance).reshape(2, -1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="likeness.core.calibration.photometry", description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--out", type=Path, default=DATA_DIR / "photometric_calibration.npz")
    options = parser.parse_args()
    model = load_model(ASSETS_DIR / "embedded_head.npz")
    studio = build_studio(model)
    seeds = range(options.first_seed, options.first_seed + options.count)
    calibration = calibrate_photometry(model, [render_person(studio, np.random.default_rng(seed)) for seed in seeds])
    save_photometry(calibration, options.out)


def calibrate_photometry(model: HeadModel, people: list[RenderedPerson]) -> PhotometricCalibration:
    """Learn from rendered people of known shape; a few hundred are enough, and take minutes."""
    triangles, vertices = opaque_triangles(model), choose_samples(model)
    rings, ring_weights = tangent_weights(model.template, vertex_normals(model.template, triangles), triangles, vertices)
    surface = sample_surface(model, vertices, rings, ring_weights)
    lips = np.maximum(model.regions["lip_upper"], model.regions["lip_lower"])[vertices]
    found = [r for person in people if (r := find_residuals(person, model, surface, lips, triangles)) is not None]
    from scipy.spatial import cKDTree

    twins = cKDTree(model.template[vertices]).query(model.template[vertices] * [-1, 1, 1])[1]
    mean, modes, noise = learn(found, twins)
    light, chroma = (np.array([getattr(r, name) for r in found]).std(0) for name in ("light", "chroma"))
    return PhotometricCalibration(vertices, rings, ring_weights, mean, modes, noise, light, chroma, model.topology)


if __name__ == "__main__":
    main()
