"""`make bench`: accuracy, round trip, albedo, speed and memory, as tables."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .accuracy import report_benchmark, report_round_trip
from .albedo import report_albedo
from .detail import report_detail
from .enabling import report_enabling
from .identity import report_identity
from .identity_drag import report_correction, report_drag
from .networks import report_networks
from .pictures import report_pictures
from .renderer import report_renderer
from .speed import report_speed

REPORTS = {
    "accuracy": lambda out: report_benchmark(out),
    "round-trip": lambda out: report_round_trip(),
    "albedo": lambda out: report_albedo(out),
    "detail": lambda out: report_detail(),
    "pictures": lambda out: report_pictures(out),
    "identity": lambda out: report_identity(),
    "renderer": lambda out: report_renderer(),
    "networks": lambda out: report_networks(),
    "speed": lambda out: report_speed(),
    "drag": lambda out: report_drag(),
    "correction": lambda out: report_correction(),
    "enabling": lambda out: report_enabling(),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=[*REPORTS], action="append", help="run only these reports")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    options = parser.parse_args()
    results = {}
    for name in options.only or REPORTS:
        print(f"\n=== {name}")
        results[name] = REPORTS[name](options.out)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
