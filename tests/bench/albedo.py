"""De-lit albedo against known skin: typology angle (ITA) of forehead and cheeks, and the photo rendered again.

Rule: the patches are placed once, by the head's anatomy, and only texels that the photo shows well are counted; what the
undivided photo's colours give always stands beside the albedo.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from likeness.core.appearance.skin import typology_angle
from likeness.core.errors import LikenessError
from likeness.core.fit.face_zones import find_zones
from likeness.core.fit.light import fit_skin_light
from likeness.core.fit.shading_field import estimate_shading, render_shaded
from likeness.core.head.library import get_model
from likeness.core.head.model import HeadModel, triangulate
from likeness.core.photo.image import load_photo
from likeness.core.pipeline import fit_photo, fit_photos, run
from likeness.core.render.camera import project
from likeness.core.render.rasterize import interpolate, rasterize_uv, sample_image
from likeness.core.render.shading import SRGB_TABLE
from likeness.core.types import HeadAsset, HeadCode

from .accuracy import BENCH_DIR, bootstrap_interval

PATCH_PX = 512
"""The atlas is looked at with this many texels a side: thousands a patch."""
CONFIDENT = 90
"""Confidence (of 255) from which a texel counts as seen; mirrored ones have at most 85."""
LEAST_TEXELS = 60


@dataclass(frozen=True)
class Patches:
    """Where skin tone is read: rows, columns [N] at PATCH_PX, patch [N] (0 forehead, 1 cheeks), triangle and weights there."""

    rows: np.ndarray
    columns: np.ndarray
    patch: np.ndarray
    corners: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class AlbedoCase:
    """One image: angles in degrees (truth, of the albedo, of the photo as it is, estimated spread) and the photo rendered again
    in dB: PSNR over the face from brows to chin, and over its skin without eyeballs, teeth and tongue."""

    name: str
    identity: int
    truth: float
    albedo: float
    photo: float
    spread: float
    face_db: float
    skin_db: float


def place_patches(model: HeadModel) -> Patches:
    """Forehead and cheeks by the model's regions, within what is bare skin in nearly every photo."""
    triangles = triangulate(model.faces)
    raster = rasterize_uv(model.uvs, triangulate(model.face_uvs), PATCH_PX)
    sure = find_zones(model).sure_skin
    forehead = model.regions["forehead"]
    cheeks = model.regions["cheek_left"] + model.regions["cheek_right"]
    maps = interpolate(np.column_stack([np.minimum(forehead, sure), np.minimum(cheeks, sure)]), raster, triangles)
    patch, rows, columns = np.nonzero(np.moveaxis(maps, -1, 0) > 0.5)
    seen = raster.select(rows, columns)
    return Patches(rows, columns, patch, triangles[seen.triangle_id], seen.barycentric)


def patch_angle(colours: np.ndarray, patch: np.ndarray) -> float:
    """Linear colours [N, 3] and their patch [N] -> mean over patches of the ITA of the median colour; NaN: nothing seen."""
    medians = [np.median(colours[patch == k], 0) for k in (0, 1) if (patch == k).sum() >= LEAST_TEXELS]
    return float(np.mean(typology_angle(np.array(medians)))) if medians else float("nan")


def measure_angles(asset: HeadAsset, posed: np.ndarray, patches: Patches) -> tuple[float, float]:
    """ITA of the albedo and of the undivided photo on the patches' confident texels."""
    step = asset.textures["albedo"].pixels.shape[0] // PATCH_PX
    place = (patches.rows * step + step // 2, patches.columns * step + step // 2)
    seen = asset.textures["albedo_confidence"].pixels[place] >= CONFIDENT
    albedo = SRGB_TABLE[asset.textures["albedo"].pixels[place]][seen]
    points = np.einsum("nk,nkc->nc", patches.weights[seen], posed[patches.corners[seen]])
    assert asset.photo is not None
    assert asset.camera is not None
    photo = sample_image(asset.photo.pixels, project(asset.camera, points)[0], SRGB_TABLE)
    return patch_angle(albedo, patches.patch[seen]), patch_angle(photo, patches.patch[seen])


def posed_vertices(asset: HeadAsset, model: HeadModel) -> np.ndarray:
    """The head as the photo shows it, [V, 3] m."""
    weights = np.array([asset.expression[name] for name in model.expression_names])
    return model.pose(HeadCode(asset.identity, weights, asset.pose))


def measure_case(path: Path, truth_rgb: list[float], identity: int, model: HeadModel, patches: Patches) -> AlbedoCase:
    """Fit one image as the product does and measure it."""
    asset = run(fit_photo(load_photo(path)))
    posed = posed_vertices(asset, model)
    albedo, photo = measure_angles(asset, posed, patches)
    assert asset.photo is not None
    assert asset.camera is not None
    skin_light = fit_skin_light(asset.photo, asset.camera, posed, model)
    shading = estimate_shading(asset.photo, asset.camera, posed, model, skin_light)
    image, face, skin = render_shaded(asset.textures["albedo"].pixels, shading, posed, model, asset.camera)
    error = (image.astype(float) - asset.photo.pixels) ** 2
    face_db, skin_db = (float(10 * np.log10(255**2 / error[mask].mean())) for mask in (face, skin))
    return AlbedoCase(
        path.stem, identity, float(typology_angle(np.array(truth_rgb))), albedo, photo, skin_light.ita_sd, face_db, skin_db
    )


def report_albedo(out_dir: Path) -> dict[str, float]:
    """Print the table of every image and the measures with 95 % intervals; -> the measures."""
    if not BENCH_DIR.exists():
        print("benchmark folder absent: skipped")
        return {}
    cases, model = [], get_model()
    patches = place_patches(model)
    truths = json.loads((BENCH_DIR / "set" / "cases.json").read_text())
    for name in sorted(truths):
        try:
            path = BENCH_DIR / "set" / f"{name}.png"
            cases.append(measure_case(path, truths[name]["skin_linear_rgb"], truths[name]["identity"], model, patches))
        except LikenessError as error:
            print(f"{name}: {error}")
    print(f"{'image':28s} {'true':>6s} {'albedo':>7s} {'+-':>5s} {'photo':>7s} {'face dB':>8s} {'skin dB':>8s}")
    for c in cases:
        print(f"{c.name:28s} {c.truth:6.1f} {c.albedo:7.1f} {c.spread:5.1f} {c.photo:7.1f} {c.face_db:8.1f} {c.skin_db:8.1f}")
    result = {
        "face_db": print_measure("re-render of the face, dB", cases, lambda g: np.mean([c.face_db for c in flatten(g)])),
        "skin_db": print_measure("re-render of its skin, dB", cases, lambda g: np.mean([c.skin_db for c in flatten(g)])),
    }
    for source in ("albedo", "photo"):
        for title, statistic in STATISTICS.items():
            result[f"{source}_{title}"] = print_measure(f"ITA of {source}: {title}", cases, statistic(source))
    return result | report_together(truths, model, patches)


def report_together(truths: dict, model: HeadModel, patches: Patches) -> dict[str, float]:
    """Each head's pictures fitted together: one skin, so nothing is left that could differ over lights."""
    names: dict[int, list[str]] = {}
    for name in sorted(truths):
        names.setdefault(truths[name]["identity"], []).append(name)
    cases = []
    for identity, group in names.items():
        asset = run(fit_photos([BENCH_DIR / "set" / f"{name}.png" for name in group]))
        truth = float(typology_angle(np.array(truths[group[0]]["skin_linear_rgb"])))
        albedo, photo = measure_angles(asset, posed_vertices(asset, model), patches)
        cases.append(AlbedoCase(group[0], identity, truth, albedo, photo, asset.provenance["skin_angle_sd"], 0.0, 0.0))
        print(f"{group[0].split('_')[0]} together: {truth:6.1f} {albedo:7.1f}")
    titles = ("mean absolute error", "mean error", "darker minus lighter half")
    return {
        f"together_{title}": print_measure(f"ITA of albedo, photos together: {title}", cases, STATISTICS[title]("albedo"))
        for title in titles
    }


def flatten(groups: list[list[AlbedoCase]]) -> list[AlbedoCase]:
    return [case for group in groups for case in group]


def errors(cases: list[AlbedoCase], source: str) -> np.ndarray:
    return np.array([getattr(c, source) - c.truth for c in cases])


def absolute_error(source: str) -> Callable:
    return lambda groups: np.nanmean(np.abs(errors(flatten(groups), source)))


def signed_error(source: str) -> Callable:
    return lambda groups: np.nanmean(errors(flatten(groups), source))


def half_difference(source: str) -> Callable:
    """Mean signed error of the darker half of the identities minus that of the lighter half."""

    def difference(groups: list[list[AlbedoCase]]) -> float:
        ordered = sorted(groups, key=lambda g: g[0].truth)
        half = len(ordered) // 2
        return float(np.nanmean(errors(flatten(ordered[:half]), source)) - np.nanmean(errors(flatten(ordered[half:]), source)))

    return difference


def deviation(source: str) -> Callable:
    """Standard deviation over the lights of one head, averaged over heads."""
    return lambda groups: np.mean([np.nanstd(errors(g, source)) for g in groups])


def extent(source: str) -> Callable:
    """Largest minus smallest over the lights of one head, averaged over heads."""
    return lambda groups: np.mean([np.ptp(errors(g, source)[np.isfinite(errors(g, source))]) for g in groups])


STATISTICS = {
    "mean absolute error": absolute_error, "mean error": signed_error, "darker minus lighter half": half_difference,
    "deviation over lights": deviation, "extent over lights": extent,
}  # fmt: skip


def print_measure(title: str, cases: list[AlbedoCase], statistic: Callable) -> float:
    groups: dict[int, list[AlbedoCase]] = {}
    for case in cases:
        groups.setdefault(case.identity, []).append(case)
    listed = list(groups.values())
    value = float(statistic(listed))
    low, high = bootstrap_interval(np.arange(len(listed)), lambda draw: statistic([listed[i] for i in draw]), 1000)
    print(f"{title:58s} {value:6.1f} [{low:.1f}, {high:.1f}]")
    return value
