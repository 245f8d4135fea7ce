"""The identity space against published anthropometry: random heads are measured as people are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from likeness.core.config import ASSETS_DIR
from likeness.core.head.build.anthropometry import (
    ARCS_MM,
    MEANS_MM,
    SEXES,
    cell_means,
    correlations,
    pooled_deviations,
    spreads,
)
from likeness.core.head.build.measures import find_rulers, measure_arcs_mm, measure_mm
from likeness.core.head.model import HeadModel, load_model

NUM_PEOPLE = 1000


def measure_people(model: HeadModel, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random heads of the model: measures [count, M] over MEANS_MM and arcs [count, A] over ARCS_MM, mm."""
    rng = np.random.default_rng(seed)
    faces = model.faces[model.face_parts == 0]
    num_skin = faces.max() + 1
    rulers = find_rulers(model.template[:num_skin], faces)
    measures, arcs = [], []
    for size in [100] * (count // 100):
        heads = np.stack([model.shape(code) for code in rng.standard_normal((size, model.num_identity))])
        eyes = np.stack([model.locate_joints(head)[3:] for head in heads])
        measures.append(measure_mm(rulers, heads[:, :num_skin], eyes))
        arcs.append(measure_arcs_mm(rulers, heads[:, :num_skin]))
    return np.concatenate(measures), np.concatenate(arcs)


def pooled_correlations() -> np.ndarray:
    """Published correlations [M, M] over women and men and all ancestries in equal shares."""
    means = cell_means().reshape(-1, len(MEANS_MM))
    within = np.mean([np.outer(s, s) * correlations()[:-1, :-1] for s in spreads()], 0)
    covariance = within + np.cov(means.T, bias=True)
    scale = 1 / np.sqrt(np.diag(covariance))
    return covariance * scale * scale[:, None]


def report_identity(path: Path = ASSETS_DIR / "embedded_head.npz") -> dict[str, Any]:
    """Print published and achieved means and deviations, pooled and by sex, the correlations' error and the arcs held out."""
    measured, arcs = measure_people(load_model(path), NUM_PEOPLE)
    by_sex = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["measures_mm"]
    means, deviations, sex_spreads = cell_means(), pooled_deviations(), spreads()
    result: dict[str, Any] = {"measures": {}, "arcs": {}}
    print(f"{NUM_PEOPLE} random heads; published -> achieved, mean (standard deviation) in mm; by sex: the people of the build")
    for i, name in enumerate(MEANS_MM):
        found = [measured[:, i].mean(), measured[:, i].std()]
        line = f"  {name:19} {_pair(means[..., i].mean(), deviations[i])} -> {_pair(*found)}"
        for s, sex in enumerate(SEXES):
            deviation = np.hypot(sex_spreads[s, i], means[s, :, i].std())
            line += f"   {sex} {_pair(means[s, :, i].mean(), deviation)} -> {_pair(*by_sex[name][sex])}"
        print(line)
        result["measures"][name] = [means[..., i].mean(), deviations[i], *found]
    for i, (name, cells) in enumerate(ARCS_MM.items()):
        print(f"  held out: {name:19} {np.mean(cells):6.1f} -> {arcs[:, i].mean():6.1f} ({arcs[:, i].std():4.1f})")
        result["arcs"][name] = [np.mean(cells), arcs[:, i].mean(), arcs[:, i].std()]
    off = np.triu_indices(len(MEANS_MM), 1)
    result["correlation_rms"] = float(np.sqrt(np.mean((np.corrcoef(measured.T) - pooled_correlations())[off] ** 2)))
    print(f"  correlations of {len(off[0])} pairs: rms error {result['correlation_rms']:.3f}")
    return json.loads(json.dumps(result, default=float))


def _pair(mean: float, deviation: float) -> str:
    return f"{mean:6.1f} ({deviation:4.1f})"
