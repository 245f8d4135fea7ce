"""Where the time and the memory go: a warm fit of the astronaut in a fresh process, and writing it into a scene."""

from __future__ import annotations

import json
import subprocess
import sys

MEASURE = """
import json, resource, time
from skimage.data import astronaut
from likeness.core.photo.image import photo_from_pixels
from likeness.core.pipeline import fit_photo, run

pixels = astronaut()
runs = []
for _ in range({repeats} + 1):
    start = time.perf_counter()
    asset = run(fit_photo(photo_from_pixels(pixels, source="astronaut")))
    runs.append(dict(asset.provenance["times_s"], total=time.perf_counter() - start))
core_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
import bpy
from likeness.scene.head import create_head

scene = []
for _ in range({repeats}):
    start = time.perf_counter()
    create_head(bpy.context, asset)
    scene.append(time.perf_counter() - start)
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("RESULT", json.dumps(dict(runs=runs, scene=scene, core_mb=core_mb, peak_mb=peak_mb)))
"""

ENABLE = """
import bpy, sys, time
start = time.perf_counter()
import likeness
likeness.register()
print("RESULT", time.perf_counter() - start, sorted(set(sys.modules) & {"torch", "warp", "PIL", "scipy"}))
"""


def run_fresh(code: str) -> str:
    """Run code in a new interpreter; -> what it printed after RESULT."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return next(line[7:] for line in done.stdout.splitlines() if line.startswith("RESULT "))


def report_speed(repeats: int = 5) -> dict[str, float]:
    """Print a table of stage medians (s) and peak memory (MB); -> its totals."""
    result = json.loads(run_fresh(MEASURE.format(repeats=repeats)))
    cold, warm = result["runs"][0], result["runs"][1:]
    median = lambda values: sorted(values)[len(values) // 2]  # noqa: E731
    print(f"{'stage':12s} {'cold s':>8s} {'warm s':>8s}   (median of {repeats}; astronaut 512x512)")
    for stage in cold:
        print(f"{stage:12s} {cold[stage]:8.2f} {median([w[stage] for w in warm]):8.2f}")
    scene = median(result["scene"])
    print(f"into scene   {result['scene'][0]:8.2f} {scene:8.2f}")
    print(f"peak memory: {result['core_mb']:.0f} MB fitting, {result['peak_mb']:.0f} MB with Blender and {repeats} heads")
    enabled = sorted(run_fresh(ENABLE) for _ in range(repeats))
    print(f"enabling the add-on: {enabled[repeats // 2]} (seconds, heavy modules imported)")
    return {"warm_s": median([w["total"] for w in warm]), "scene_s": scene, "peak_mb": result["peak_mb"]}
