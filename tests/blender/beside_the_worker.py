"""A program: do with a head what a window lets a person do, with a worker beside it, and print what Blender's process loaded.

    python beside_the_worker.py <file.blend with one head> <folder to write to>

Background mode runs stories itself; here the worker runs them, as it does with a window.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import bpy
import likeness

file, folder = Path(sys.argv[1]), Path(sys.argv[2])
likeness.register()
bpy.ops.wm.open_mainfile(filepath=str(file))

from likeness.scene import head, identity, skin, variants  # noqa: E402 (after the extension is registered)
from likeness.worker.client import Worker  # noqa: E402
from likeness.worker.jobs import Jobs  # noqa: E402

obj = head.find_head(bpy.context)
jobs = Jobs(Worker)


def work(story: str, arguments: dict):
    job = jobs.submit(story, story, arguments)
    while not job.has_ended:
        jobs.poll()
        time.sleep(0.01)
    assert job.state == "done", job.error
    return job.result


seeds = [None if place == 4 else place for place in range(9)]
pictures = work("variants", variants.sheet_arguments(obj, seeds, 0.5, ("nose",), True))
obj.likeness_identity.lock_nose = True
assert bpy.ops.likeness.choose_variant(choice="2") == {"FINISHED"}
assert bpy.ops.likeness.reroll_identity(seed=3) == {"FINISHED"}
obj.likeness_identity.age += 5
obj.likeness_identity.shape_1 += 0.5
identity.step_history(obj, -1)
assert bpy.ops.likeness.reset_identity() == {"FINISHED"}
skin.wish(obj, {"melanin": 3.0})
skin.put_on(obj, work("restyle", skin.restyle_arguments(obj, {"melanin": 3.0})))
assert bpy.ops.likeness.random_expression(seed=1) == {"FINISHED"}
assert bpy.ops.likeness.key_expression() == {"FINISHED"}
assert bpy.ops.likeness.idle_motion(seed=1) == {"FINISHED"}
for ending in ("glb", "obj", "npz"):
    assert bpy.ops.likeness.export_head(filepath=str(folder / f"head.{ending}"), format=ending) == {"FINISHED"}
packed = work("generate", {"seed": 3, "texture_size": 256})
for _ in head.create_head_in_steps(bpy.context, packed[0].asset, packed[0].images):
    pass
jobs.close()
loaded = sorted({name.partition(".")[0] for name in sys.modules} & {"warp", "torch", "scipy"})
print(json.dumps({"pictures": [picture.shape for picture in pictures], "loaded": loaded}))
