"""What else a person does while heads are made: another workspace, a window that is closed, another file, the extension switched
off in the middle of a correction."""

import sys
from pathlib import Path

import addon_utils
import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from window import OUT, PACKAGE, PHOTO, children, count_blocks, go_on_after_loading, names, report, wait, wait_idle, work


def fit(window=None):
    """As a click in that window's 3D view."""
    window = window or bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=PHOTO)


def wait_in_the_middle():
    yield from wait(lambda: work().row and work().row[0].fraction > 0.3, 120)


def mesh_of(obj):
    values = np.empty(3 * len(obj.data.vertices), np.float32)
    obj.data.shape_keys.key_blocks[0].data.foreach_get("co", values)
    return values


def steps():
    yield 2
    open_tab("Likeness")
    yield 1
    yield from another_workspace()
    yield from a_window_that_is_closed()
    yield from a_correction_under_a_disabled_extension()
    yield from another_file()


def another_workspace():
    """Modeling goes into Edit Mode, in which Blender's undo knows the edited mesh only: the head waits until it is left."""
    window = bpy.context.window_manager.windows[0]
    layout = window.workspace
    fit()
    yield from wait_in_the_middle()
    window.workspace = bpy.data.workspaces["Modeling"]
    yield from wait_idle()
    yield 2
    report(mode=bpy.context.mode, made_in_edit_mode="astronaut" in names())
    shot("waiting")
    with ctx():
        bpy.ops.object.mode_set(mode="OBJECT")
    yield 2
    report(made_elsewhere="astronaut rig" in names(), error_elsewhere=work().error)
    shot("workspace")
    window.workspace = layout
    yield 1
    report(status_left=sorted(sys.modules[f"{PACKAGE}.operators.status"]._left))


def a_window_that_is_closed():
    before, blocks = names(), count_blocks()
    with ctx():
        bpy.ops.wm.window_new()
    yield 2
    fit(bpy.context.window_manager.windows[-1])
    yield from wait_in_the_middle()
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[-1]):
        bpy.ops.wm.window_close()
    yield 2
    report(
        windows=len(bpy.context.window_manager.windows), running_after_close=work().is_running,
        untouched_after_close=(before, blocks) == (names(), count_blocks()),
    )  # fmt: skip
    fit()
    yield from wait_idle()
    yield 1
    report(made_after_close=sorted(set(names()) - set(before)), error_after_close=work().error)


def a_correction_under_a_disabled_extension():
    obj = bpy.data.objects["astronaut"]
    bpy.context.view_layer.objects.active = obj
    before, perspective = mesh_of(obj), view3d()[1].spaces.active.region_3d.view_perspective
    with ctx():
        bpy.ops.likeness.correct_landmarks("INVOKE_DEFAULT")
    yield 1
    operator = sys.modules[f"{PACKAGE}.operators.correct"]
    shown = len(operator._running)
    addon_utils.disable(PACKAGE)
    yield 1
    left = [op.bl_idname for op in bpy.context.window_manager.windows[0].modal_operators]
    report(
        shown=shown, left=left, moved=float(np.abs(mesh_of(obj) - before).max()),
        is_view_back=view3d()[1].spaces.active.region_3d.view_perspective == perspective,
    )  # fmt: skip
    shot("disabled_correction")
    addon_utils.enable(PACKAGE)
    yield 1
    open_tab("Likeness")
    fit()
    yield from wait_idle()
    yield 1
    report(error_after_correction=work().error, made_after_correction="astronaut.002" in names())


def another_file():
    path = str(OUT.parent / "other.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    before = names()
    fit()
    yield from wait_in_the_middle()
    go_on_after_loading(after_loading(before))
    bpy.ops.wm.open_mainfile(filepath=path)
    yield 60


def after_loading(before):
    yield 2
    report(running_after_loading=work().is_running, untouched_after_loading=names() == before)
    fit()
    yield from wait_idle()
    yield 1
    report(made_after_loading=len(set(names()) - set(before)), error_after_loading=work().error, processes=len(children()))
    shot()
