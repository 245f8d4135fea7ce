"""What enabling the extension costs: time, and what fifty times of enabling and disabling leave in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def report_enabling(times: int = 50) -> dict[str, float]:
    """Print a table; -> its numbers."""
    with tempfile.TemporaryDirectory() as profile:
        command = [sys.executable, str(ROOT / "tests" / "blender" / "enabling.py"), str(ROOT), str(times)]
        environment = os.environ | {"BLENDER_USER_RESOURCES": profile}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    result = json.loads(next(line[7:] for line in done.stdout.splitlines() if line.startswith("RESULT ")))
    print(f"enabling the first time, imports included: {result['first_s']:.3f} s (at most .3)")
    print(f"enabling again: median {result['median_s'] * 1000:.1f} ms, longest {result['longest_s'] * 1000:.1f} ms of {times}")
    print(f"memory after {times} times: {result['grown_mb']:+.2f} MB (at most 5)")
    left = {name: result["after"][name] - count for name, count in result["before"].items() if result["after"][name] != count}
    print(f"left behind: {left or 'nothing'}")
    return {name: result[name] for name in ("first_s", "median_s", "longest_s", "grown_mb")}
