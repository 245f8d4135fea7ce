"""Bad luck: the worker process is killed at any moment, ten times; Blender lives, says so once, and goes on."""

import os
import random
import signal
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import PHOTO, children, count_blocks, report, wait, wait_idle, work, worker_process


def steps():
    yield 2
    chance, errors, stages, before = random.Random(4), [], [], count_blocks()
    for _ in range(10):
        with ctx():
            bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=PHOTO)
        moment = chance.random()
        yield from wait(lambda moment=moment: not work().row or work().row[0].fraction >= moment * 0.95, 120, 0.02)
        stages.append(work().row[0].stage if work().row else "over")
        os.kill(worker_process(), signal.SIGKILL)
        yield from wait_idle()
        yield 0.3
        errors.append(work().error)
    report(errors=errors, stages=stages, is_untouched=count_blocks() == before)
    with ctx():
        bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=PHOTO)
    yield from wait_idle()
    report(error_after=work().error, num_heads=len(bpy.data.armatures), processes=len(children()))
