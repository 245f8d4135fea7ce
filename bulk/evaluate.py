"""`batch.py evaluate`: the benchmarks' submissions and scores from folders of photos, as subcommands."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .terminal import TEXTURE_SIZES, Parser, parse_jobs

EVALUATE = "Submissions to benchmarks of faces from folders of photos, and scores where the truth is given."


def add_commands(commands: Any) -> None:
    """The evaluate command and its subcommands, added to the program's."""
    evaluate = commands.add_parser("evaluate", help="benchmarks: submissions and scores", description=EVALUATE)
    kinds = evaluate.add_subparsers(title="benchmarks", required=True, parser_class=Parser, metavar="BENCHMARK")
    now = kinds.add_parser("now", help="the NoW challenge: a scan to a neutral head", description=now_command.__doc__)
    add_fit_arguments(now)
    scans = "scans and their 7 landmarks: the benchmark's folder, or <subject>.obj|.ply with <subject>.npy|.txt|.pp"
    now.add_argument("--scans", metavar="DIR", help=scans)
    now.add_argument("--list", metavar="FILE", help="image list, one <subject>/<challenge>/<image> a line (default: all)")
    now.set_defaults(run=now_command)
    realy = kinds.add_parser("realy", help="the REALY benchmark: region by region", description=realy_command.__doc__)
    add_fit_arguments(realy)
    truth = "the benchmark's data: REALY_HIFI3D_keypoints, REALY_scan_region, metrical_scale.txt"
    realy.add_argument("--scans", metavar="DIR", help=truth)
    template = "HIFI3D.obj of the benchmark's repository, with HIFI3D.txt beside it: where the 85 keypoints are"
    realy.add_argument("--template", metavar="FILE", help=template)
    own = "with --predictions: the keypoints of their topology, 85 rows of [triangle, a, b] (default: likeness.txt above them)"
    realy.add_argument("--keypoints", metavar="FILE", help=own)
    realy.set_defaults(run=realy_command)
    identity = kinds.add_parser("identity", help="is a turned head still the person", description=identity_command.__doc__)
    add_fit_arguments(identity, has_predictions=False)
    identity.add_argument("--arcface", metavar="FILE", help="your own ArcFace network file (needs PyTorch)")
    sizes = ",".join(map(str, TEXTURE_SIZES))
    identity.add_argument("--texture-size", type=int, choices=TEXTURE_SIZES, metavar="N", help=f"albedo of {sizes} texels (2048)")
    identity.set_defaults(run=identity_command)


def add_fit_arguments(parser: argparse.ArgumentParser, has_predictions: bool = True) -> None:
    """Photos in, a submission out."""
    parser.add_argument("--images", required=True, metavar="DIR", help="the folder of images")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for predictions, tables and report.jsonl")
    parser.add_argument("--model", default="embedded", metavar="PATH", help="a head model file instead of the embedded one")
    parser.add_argument("--jobs", type=parse_jobs, default=1, metavar="N", help="fits at a time, each in a process of its own")
    if not has_predictions:
        return
    ready = "score what lies in this folder in the submission's layout, instead of fitting"
    parser.add_argument("--predictions", metavar="DIR", help=ready)


def now_command(arguments: argparse.Namespace, script: Path) -> int:
    """Fit every image, write the submission of the NoW challenge (mm), and score it where scans are given."""
    from .evaluate_now import evaluate_now

    return evaluate_now(arguments, script)


def realy_command(arguments: argparse.Namespace, script: Path) -> int:
    """Fit every image, write the submission of the REALY benchmark, and score it where its scans are given."""
    from .evaluate_realy import evaluate_realy

    return evaluate_realy(arguments, script)


def identity_command(arguments: argparse.Namespace, script: Path) -> int:
    """Fit every photo, render its head at yaw 0, 15 and 30 degrees either way, and compare with the photo by ArcFace."""
    from .evaluate_identity import evaluate_identity

    return evaluate_identity(arguments, script)
