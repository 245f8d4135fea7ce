"""Accuracy against known truth: the development benchmark (where it exists) and heads of our own family.

Rule: the mean head always stands beside the fit, paired by identity; reprojection error is never a result.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from likeness.core.calibration.render import build_studio, render_person
from likeness.core.errors import LikenessError
from likeness.core.evaluation.meshes import TriangleMesh
from likeness.core.evaluation.now_scores import score_prediction
from likeness.core.evaluation.shape_fit import outer_faces as outer_skin
from likeness.core.fit.geometry import FitSettings, LandmarkFit, fit_landmarks
from likeness.core.fit.measurement import load_calibration
from likeness.core.fit.photometric import fit_person
from likeness.core.head.library import EMBEDDED, get_model
from likeness.core.head.model import HeadModel, triangulate
from likeness.core.photo.dense_landmarks import locate_dense_landmarks
from likeness.core.photo.image import load_photo, photo_from_pixels
from likeness.core.photo.landmarks import detect_landmarks
from likeness.core.pipeline import load_calibrated_model

BENCH_DIR = Path(__file__).resolve().parents[2].parent / "shared" / "bench"
RECORDED_PEERS = {  # neutral target: pooled median, mean, std (mm), from the benchmark's README
    "3DDFA-V2 (recorded)": (1.222, 1.660, 1.693),
    "Basel mean face (recorded)": (1.250, 1.737, 1.807),
    "ICT mean face, same family as the truth (recorded)": (1.023, 1.324, 1.168),
}
ROUND_TRIP_SEED = 20_000


def fit_pixels(images: list[np.ndarray]) -> list[LandmarkFit]:
    """The product's fit on images [H,W,3] of one person."""
    tools = load_calibrated_model(EMBEDDED)
    photos = [photo_from_pixels(pixels, source="benchmark") for pixels in images]
    dense = [locate_dense_landmarks(photo, detect_landmarks(photo)) for photo in photos]
    return fit_person(photos, dense, tools.model, tools.calibration, tools.skin_look)


def predict_benchmark(out_dir: Path) -> dict[str, Path]:
    """Fit every image, and the three of each person together; write the meshes as the benchmark reads them.

    -> folders: neutral, posed, mean (head), several (photos of a person).
    """
    model = get_model()
    folders = {name: out_dir / name for name in ("neutral", "posed", "mean", "several")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    people: dict[str, dict[str, np.ndarray]] = {}
    for image in sorted((BENCH_DIR / "set").glob("*.png")):
        people.setdefault(image.stem[:5], {})[image.stem] = load_photo(image).pixels
    for images in people.values():
        for name, pixels in images.items():
            _write_prediction(folders["mean"] / f"{name}.npz", model, model.template)
            try:
                (fit,) = fit_pixels([pixels])
            except LikenessError as error:
                print(f"{name}: {error}")
                continue
            _write_prediction(folders["neutral"] / f"{name}.npz", model, model.shape(fit.code.identity))
            _write_prediction(folders["posed"] / f"{name}.npz", model, model.pose(fit.code))
        try:
            fits = fit_pixels(list(images.values()))
        except LikenessError as error:
            print(f"{', '.join(images)}: {error}")
            continue
        for name, fit in zip(images, fits, strict=True):
            _write_prediction(folders["several"] / f"{name}.npz", model, model.shape(fit.code.identity))
    return folders


def _write_prediction(path: Path, model: HeadModel, vertices: np.ndarray) -> None:
    faces = triangulate(outer_skin(model))
    np.savez(path, v=vertices * 1000, f=faces, lm7=model.landmarks7.evaluate(vertices) * 1000)


@dataclass(frozen=True)
class Scored:
    """rows: name, absyaw, expr, ok, median, mean, std of every image; pool: name -> distances [N] mm."""

    rows: list[dict[str, Any]]
    pool: dict[str, np.ndarray]


def score_benchmark(folder: Path, is_posed: bool = False, is_metrical: bool = False) -> Scored:
    """The benchmark's images by core/evaluation's measure; a prediction that is missing counts as a failure."""
    rows: list[dict[str, Any]] = []
    pool: dict[str, np.ndarray] = {}
    for truth in sorted((BENCH_DIR / "set").glob("*.npz")):
        with np.load(truth) as file:
            suffix = "" if is_posed else "_neutral"
            points = file["verts_world" if is_posed else "verts_neutral"][file[f"crop{suffix}"]].astype(np.float64)
            landmarks = file[f"lm7{suffix}"].astype(np.float64)
            row = {"name": truth.stem, "absyaw": 20 * round(abs(float(file["yaw"])) / 20), "expr": str(file["expr"])}
        path = folder / truth.name
        if path.exists():
            with np.load(path) as found:
                mesh = TriangleMesh(found["v"].astype(np.float64), found["f"])
                score = score_prediction(points, landmarks, mesh, found["lm7"].astype(np.float64), not is_metrical)
            row |= {"ok": True, "median": score.median, "mean": score.mean, "std": score.std}
            pool[truth.stem] = score.distances
        else:
            row |= {"ok": False, "median": np.nan, "mean": np.nan, "std": np.nan}
        rows.append(row)
    return Scored(rows, pool)


def print_scores(title: str, scored: Scored) -> None:
    """Pooled median, mean, std (every image weighing the same): all, by yaw, by expression."""
    print(f"== {title} (mm; reconstructed / images)")
    groups = {"all": scored.rows}
    groups |= {f"|yaw| about {yaw}": [r for r in scored.rows if r["absyaw"] == yaw] for yaw in (0, 20, 40)}
    groups |= {e: [r for r in scored.rows if r["expr"] == e] for e in ("neutral", "smile", "jawopen", "browraise")}
    for name, rows in groups.items():
        done = [row for row in rows if row["ok"]]
        if not done:
            print(f"{name:22s} {0:3d}/{len(rows):<3d}" + (" all failed" if rows else ""))
            continue
        pool = {row["name"]: scored.pool[row["name"]] for row in done}
        means = np.array([d.mean() for d in pool.values()])
        spread = np.sqrt(np.mean([((d - means.mean()) ** 2).mean() for d in pool.values()]))
        medians = [row["median"] for row in done]
        print(
            f"{name:22s} {len(done):3d}/{len(rows):<3d} pooled median {pooled_median(pool):.3f} mean {means.mean():.3f} "
            f"std {spread:.3f} | image medians: mean {np.mean(medians):.3f} worst {max(medians):.3f}"
        )


def bootstrap_interval(
    values: np.ndarray, statistic: Callable[[np.ndarray], float] = np.mean, rounds: int = 10_000
) -> tuple[float, float]:
    """95 % bootstrap interval of a statistic over identities (fixed seed)."""
    rng = np.random.default_rng(0)
    draws = [statistic(values[rng.integers(len(values), size=len(values))]) for _ in range(rounds)]
    return float(np.percentile(draws, 2.5)), float(np.percentile(draws, 97.5))


def report_benchmark(out_dir: Path) -> dict[str, float]:
    """Print the table; -> pooled medians and the paired difference (mm), empty where the benchmark is absent."""
    if not BENCH_DIR.exists():
        print("benchmark folder absent: skipped")
        return {}
    folders = predict_benchmark(out_dir)
    tables = {
        "fit": score_benchmark(folders["neutral"]),
        "three photos together": score_benchmark(folders["several"]),
        "mean head": score_benchmark(folders["mean"]),
        "fit, posed target": score_benchmark(folders["posed"], is_posed=True),
        "fit, metrical": score_benchmark(folders["neutral"], is_metrical=True),
        "mean head, metrical": score_benchmark(folders["mean"], is_metrical=True),
    }
    for title, scored in tables.items():
        print_scores(title, scored)
    judge = judge_from_outside(folders["neutral"])
    print(f"the benchmark's own measure of the fit: pooled median {judge:.4f} (ours {pooled_median(tables['fit'].pool):.4f})")
    print("recorded peers, neutral target (median mean std):")
    for name, numbers in RECORDED_PEERS.items():
        print(f"  {name:52s}" + " ".join(f"{n:.3f}" for n in numbers))
    mean = tables["mean head"].rows
    paired = {name: compare_with_mean(name, tables[name].rows, mean) for name in ("fit", "three photos together")}
    result = {name: pooled_median(scored.pool) for name, scored in tables.items() if scored.pool}
    return result | {"paired": paired["fit"], "judge": judge, "reconstructed": sum(r["ok"] for r in tables["fit"].rows)}


def judge_from_outside(folder: Path) -> float:
    """The pooled median (mm) by the benchmark's own program, which shares nothing with core/evaluation."""
    sys.path.insert(0, str(BENCH_DIR))
    bench = importlib.import_module("bench")
    _, pool = bench.run(str(folder), quiet=True)
    return pooled_median(pool)


def compare_with_mean(name: str, rows: list[dict[str, Any]], mean_rows: list[dict[str, Any]]) -> float:
    """Print and return the mean difference (mm) of medians, paired by identity."""
    per_identity: dict[str, list[float]] = {}
    for a, b in zip(rows, mean_rows, strict=True):
        per_identity.setdefault(a["name"][:5], []).append(a["median"] - b["median"])
    differences = np.array([np.mean(v) for v in per_identity.values()])
    low, high = bootstrap_interval(differences)
    better = int((differences < 0).sum())
    print(
        f"{name} - mean head, paired by identity: {differences.mean():+.3f} mm [{low:+.3f}, {high:+.3f}], "
        f"{better} of {len(differences)} better"
    )
    return float(differences.mean())


def pooled_median(pool: dict[str, np.ndarray]) -> float:
    """Median over all points, every image weighing the same."""
    weights = np.concatenate([np.full(len(d), 1 / len(d)) for d in pool.values()])
    values = np.concatenate(list(pool.values()))
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(cumulative, 0.5)])


def shape_error_mm(vertices: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean distance (mm) between corresponding vertices [V,3] m after the best similarity over weights [V]."""
    w = weights / weights.sum()
    a, b = vertices - w @ vertices, truth - w @ truth
    U, S, Vt = np.linalg.svd((b * w[:, None]).T @ a)
    D = np.diag([1, 1, np.sign(np.linalg.det(U @ Vt))])
    scale = (S * np.diag(D)).sum() / (w @ (a**2).sum(1))
    return float(w @ np.linalg.norm(scale * a @ (U @ D @ Vt).T - b, axis=1)) * 1000


def report_round_trip(count: int = 20) -> dict[str, float]:
    """Random heads of our own family, rendered, detected and fitted: error as a share of the mean head's.

    A picture in which no face is found counts as the mean head.
    """
    model, calibration = get_model(), load_calibration()
    studio = build_studio(model)
    face = model.regions["face"] * (np.arange(len(model.template)) < len(model.template))
    errors: dict[str, list[float]] = {"mean head": [], "detected": [], "exact": []}
    missed = 0
    for seed in range(ROUND_TRIP_SEED, ROUND_TRIP_SEED + count):
        person = render_person(studio, np.random.default_rng(seed))
        truth = model.shape(person.code.identity)
        errors["mean head"].append(shape_error_mm(model.template, truth, face))
        try:
            found = model.shape(fit_pixels([person.pixels])[0].code.identity)
        except LikenessError:
            found, missed = model.template, missed + 1
        errors["detected"].append(shape_error_mm(found, truth, face))
        exact = exact_landmarks(model, person, calibration)
        ideal = FitSettings(degrees=1e6, noise_scale=1.0)
        fit = fit_landmarks(exact, person.camera.size, None, model, calibration.exact(), ideal)
        errors["exact"].append(shape_error_mm(model.shape(fit.code.identity), truth, face))
    print(f"no face found in {missed} of {count} pictures")
    result = {}
    for name in ("detected", "exact"):
        ratios = np.array(errors[name]) / np.array(errors["mean head"])
        total = np.mean(errors[name]) / np.mean(errors["mean head"])
        low, high = bootstrap_interval(ratios, np.median)
        print(
            f"round trip, {name:8s} landmarks, {count} heads: {100 * total:.0f} % of the mean head's error; "
            f"median ratio {np.median(ratios):.2f} [{low:.2f}, {high:.2f}], {(ratios < 1).sum()} of {count} better"
        )
        result[name] = float(total)
    print(
        f"  mean head {np.mean(errors['mean head']):.2f} mm, detected {np.mean(errors['detected']):.2f} mm, "
        f"exact {np.mean(errors['exact']):.2f} mm (vertex to vertex, face region)"
    )
    return result


def exact_landmarks(model: HeadModel, person, calibration) -> np.ndarray:
    """The true projections [478,2] px of the points that the fit expects."""
    points = calibration.points.evaluate(model.pose(person.code))
    pixels = (points @ person.camera.R.T + person.camera.t) @ person.camera.K.T
    return pixels[:, :2] / pixels[:, 2:]
