"""A wrong chin: pulled with the mouse in the photo's camera view, then the photo is painted anew. Corrected again: the chin is
there and holds; Esc leaves it; X lets it go. Each correction with its painting is undone in two steps."""

import subprocess
import sys
from pathlib import Path

import bpy
from bpy_extras import view3d_utils

sys.path.insert(0, str(Path(__file__).parent))
from window import PACKAGE, PHOTO, point, press, report, wait, wait_idle, work

PULL_PX = 40


def mouse(*command):
    subprocess.run(["xdotool", *map(str, command)], check=True)


def scene_room(name):
    return sys.modules[f"{PACKAGE}.scene.{name}"]


def on_screen(obj, landmark):
    """A landmark's place on the head in window pixels from the top left."""
    correction, head = scene_room("correction"), scene_room("head")
    window, area, region, _ = view3d()
    camera = head.read_camera(obj)
    pixel = points_now(obj)[landmark]
    world = correction.pixel_to_world(obj, camera, pixel, float(camera.t[2]))
    x, y = view3d_utils.location_3d_to_region_2d(region, area.spaces.active.region_3d, world)
    return round(region.x + x), round(window.height - region.y - y)


def points_now(obj):
    """Where the landmarks lie in the photo, as the head is."""
    correction = scene_room("correction")
    return correction.present(obj, correction.begin(obj)).points_px


def correct():
    with ctx():
        return list(bpy.ops.likeness.correct_landmarks("INVOKE_DEFAULT"))


def drag(x, y, by_x, by_y):
    mouse("mousemove", x, y)
    yield 1
    mouse("mousedown", 1)
    yield 0.3
    for step in range(1, 11):
        mouse("mousemove", x + by_x * step // 10, y + by_y * step // 10)
        yield 0.4
    mouse("mouseup", 1)
    yield 0.5


def wait_corrected():
    yield from wait(lambda: not any("correct" in op.bl_idname for op in bpy.context.window.modal_operators), 20)


def places(obj):
    return [vertex.co.copy() for vertex in obj.data.vertices]


def largest_change_mm(before, obj):
    return 1e3 * max((a - b).length for a, b in zip(before, places(obj), strict=True))


def view_of():
    region_3d = view3d()[1].spaces.active.region_3d
    return [*region_3d.view_location, *region_3d.view_rotation, region_3d.view_distance, region_3d.view_perspective == "PERSP"]


def correct_again(obj, chin, made):
    """Another point pulled while the chin holds, and given up; then the chin let go, which gives the head as it was made."""
    correction = scene_room("correction")
    corrected, pin = places(obj), correction.read_pins(obj)[chin]
    corner = correction.HANDLES["left mouth corner"][0]
    correct()
    yield 2
    report(started_again_mm=largest_change_mm(corrected, obj))
    x, y = on_screen(obj, corner)
    shot("again")
    yield from drag(x, y, 0, -PULL_PX // 2)
    shot("again_pulled")
    off = points_now(obj)[chin] - pin
    report(chin_off_px=max(abs(off)), again_mm=largest_change_mm(corrected, obj))
    press("Escape")
    yield from wait_corrected()
    report(given_up_mm=largest_change_mm(corrected, obj), pins_kept=sorted(correction.read_pins(obj)) == [chin])
    correct()
    yield 2
    point(*on_screen(obj, chin))
    yield 1
    press("x")
    yield 1
    shot("let_go")
    press("Return")
    yield from wait_corrected()
    report(let_go_mm=largest_change_mm(made, obj), pins_left=len(correction.read_pins(obj)))
    yield from wait_idle()
    yield 1


def steps():
    yield 2
    open_tab("Likeness")
    yield 1
    with ctx():
        bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=PHOTO)
    yield from wait_idle()
    yield 1
    obj = bpy.context.view_layer.objects.active
    before, view = places(obj), view_of()
    settings = (bpy.context.scene.render.resolution_x, bpy.context.scene.camera)
    report(started=correct())
    yield 2
    chin = scene_room("correction").HANDLES["chin"][0]
    x, y = on_screen(obj, chin)
    report(chin=(x, y))
    mouse("mousemove", x, y)
    yield 1
    shot("points")
    yield from drag(x, y, 0, PULL_PX)
    shot("pulled")
    point(x, y + PULL_PX)
    press("Return")
    yield from wait_corrected()
    report(moved_mm=largest_change_mm(before, obj))
    report(settings_back=(bpy.context.scene.render.resolution_x, bpy.context.scene.camera) == settings)
    report(view_change=max(abs(a - b) for a, b in zip(view, view_of(), strict=True)))
    yield 0.3
    report(is_painting=work().is_running)
    yield from wait_idle()
    yield 1
    report(error=work().error)
    shot("painted")
    yield from correct_again(obj, chin, before)
    for _ in range(4):
        with ctx():
            bpy.ops.ed.undo()
        yield 1
    obj = bpy.context.view_layer.objects.active
    report(undone_mm=largest_change_mm(before, obj))
