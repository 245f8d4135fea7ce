"""How long one change of an identity slider takes in Blender, without and with the evaluation that a redraw needs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

BUDGET_MS = 30.0
NUM_CHANGES = 60
NUM_PULLS = 20


def report_drag() -> dict[str, float]:
    """Print median and slowest ms a change on the embedded head: plain, with locks, showing an expression."""
    import bpy
    from likeness.core.generation import generate_head
    from likeness.core.pipeline import run
    from likeness.scene import identity
    from likeness.scene.head import create_head

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    obj = create_head(bpy.context, run(generate_head(1, texture_size=512)))
    result = {}

    def measure(label: str, name: str, locks: tuple[str, ...] = ()) -> None:
        start = identity.get_trait(obj, name)
        first = _time(lambda: identity.set_trait(obj, name, start + 0.05, locks))
        moves, redraws = [], []
        for step in range(NUM_CHANGES):
            value = start + 0.05 * (step + 2)
            moves.append(_time(lambda value=value: identity.set_trait(obj, name, value, locks)))
            redraws.append(moves[-1] + _time(bpy.context.view_layer.update))
        median, slowest = statistics.median(moves), max(moves)
        print(
            f"{label:28s} first {first:6.1f}   median {median:5.1f}   slowest {slowest:5.1f}   "
            f"with evaluation {statistics.median(redraws):5.1f} ms   (budget {BUDGET_MS:.0f})"
        )
        result[label] = median

    measure("a slider", "nose_width")
    measure("the whole head", "age")
    measure("nose and eyes locked", "jaw_width", ("nose", "eyes"))
    for key in obj.data.shape_keys.key_blocks[1:12]:
        key.value = 0.3
    measure("with an expression", "chin_height")
    return result


def _time(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def report_correction() -> dict[str, float]:
    """Print median and slowest ms of one pull of a point on the photo: the refit and the head in Blender."""
    from pathlib import Path

    import bpy
    import skimage
    from likeness.core.fit.correction import HANDLE_POINTS
    from likeness.core.pipeline import fit_photo, run
    from likeness.scene import correction
    from likeness.scene.head import create_head

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    photo = Path(skimage.__file__).parent / "data" / "astronaut.png"
    obj = create_head(bpy.context, run(fit_photo(photo, texture_size=512)))
    times = [_time(lambda: correction.begin(obj))]
    fitted = correction.begin(obj)
    places, pins = fitted.locate(), {}
    for number, point in enumerate(HANDLE_POINTS.tolist()):
        pins[point] = places[point] + (1.0, -1.0)

        def pull() -> None:
            correction.apply(obj, fitted.solve(pins), fitted)
            bpy.context.view_layer.update()

        times.append(_time(pull))
        if number == NUM_PULLS:
            break
    first, median, slowest = times[0], statistics.median(times[1:]), max(times[1:])
    print(f"correcting: begin {first:.0f} ms; a pull, evaluated: median {median:.0f}, slowest {slowest:.0f} ms")
    return {"begin": first, "pull": median}
