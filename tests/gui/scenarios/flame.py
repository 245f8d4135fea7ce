"""A FLAME file as a person brings it: imported, a photo fitted with it, the head looked at, saved and read again."""

import os
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import OUT, PACKAGE, PHOTO, go_on_after_loading, names, report, wait_idle, work

MODEL = Path(os.environ["LIKENESS_GUI_FLAME"])


def head():
    return next((obj for obj in bpy.data.objects if "likeness" in obj), None)


def look():
    """Vertices, keys, bones and textures of the head."""
    keys = [key.name for key in head().data.shape_keys.key_blocks]
    bones = [bone.name for bone in head().parent.data.bones]
    return {"vertices": len(head().data.vertices), "keys": keys, "bones": bones, "layers": head().data.uv_layers.keys()}


def steps():
    yield 2
    open_tab("Likeness")
    yield 1
    chosen = bpy.context.preferences.addons[PACKAGE].preferences
    with ctx():
        try:
            bpy.ops.likeness.import_model("EXEC_DEFAULT", filepath=str(MODEL))
        except RuntimeError as refused:
            report(refused=str(refused))
        bpy.ops.likeness.import_model("EXEC_DEFAULT", filepath=str(MODEL), is_licence_accepted=True)
        bpy.ops.likeness.use_model("EXEC_DEFAULT", filename=MODEL.name)
    report(model=chosen.model)
    before = names()
    bpy.context.scene.likeness.photo = PHOTO
    with ctx():
        bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=PHOTO)
    yield from wait_idle()
    yield 1
    open_tab("Likeness")
    yield 1
    report(error=work().error, made=sorted(set(names()) - set(before)), look=look())
    shot("head")
    head().data.shape_keys.key_blocks["mouthSmileLeft"].value = head().data.shape_keys.key_blocks["jawOpen"].value = 0.7
    bpy.data.objects["Cube"].hide_set(True)
    with ctx():
        bpy.ops.view3d.view_axis(type="RIGHT")
    yield 1
    shot("profile")
    with ctx():
        bpy.ops.ed.undo()
    yield 1
    report(undone=names() == before)
    with ctx():
        bpy.ops.ed.redo()
    yield 1
    saved = str(OUT.parent / "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=saved)
    go_on_after_loading(after_loading())
    bpy.ops.wm.open_mainfile(filepath=saved)
    yield 30


def after_loading():
    report(reloaded=look())
    shot()
    yield 0.1
