"""The pictures of docs/guide.md: each panel with what it does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import addon_utils
import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import PACKAGE, PHOTO, point, press, report, resize, wait, wait_idle, work

SHOWN, NO_FACE, MODELS = Path("/photos/astronaut.png"), Path("/photos/wall.png"), Path("/models")
HOME_CACHE = Path("/home/ada/.cache/likeness")
"""Places that read well in a picture; Blender runs in a system of its own."""
WORDS = "a wider nose, a half smile and a hat"
CHIN = (648, 773)
"""Where Correct by Hand shows this photo's chin."""
PANELS = ("photos", "result", "paper", "identity", "words", "skin", "expression", "animation", "export", "models")


def show_panels(*names):
    """These panels only, open."""
    modules = {name: sys.modules[f"{PACKAGE}.panels.{name}"] for name in PANELS if f"{PACKAGE}.panels.{name}" in sys.modules}
    for module in reversed(modules.values()):
        for cls in reversed(module.CLASSES):
            if issubclass(cls, bpy.types.Panel) and cls.is_registered:
                bpy.utils.unregister_class(cls)
    for name in names:
        for cls in modules[name].CLASSES:
            if issubclass(cls, bpy.types.Panel):
                if not getattr(cls, "bl_parent_id", ""):
                    cls.bl_options = set(getattr(cls, "bl_options", set())) - {"DEFAULT_CLOSED"}
                bpy.utils.register_class(cls)


def picture(name, *panels):
    show_panels(*panels)
    yield 1.5
    open_tab("Likeness")
    yield 2
    shot(f"guide_{name}")


def look_at(name):
    """The head alone, from the front, textured."""
    obj = bpy.data.objects[name]
    for other in bpy.context.scene.objects:
        other.hide_set(other != obj)
    bpy.context.view_layer.objects.active = obj
    obj.select_set(True)
    space = view3d()[1].spaces.active
    space.shading.color_type, space.overlay.show_overlays = "TEXTURE", False
    with ctx():
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()


def show_cache_as_at_home():
    """Its path is in the picture."""
    cache = sys.modules[f"{PACKAGE}.core.config"].cache_dir()
    HOME_CACHE.parent.mkdir(parents=True, exist_ok=True)
    HOME_CACHE.unlink(missing_ok=True)
    HOME_CACHE.symlink_to(cache)
    os.environ["LIKENESS_CACHE"] = str(HOME_CACHE)


def drag(start, down):
    """With the left button, so many pixels."""
    point(*start)
    yield 1
    subprocess.run(["xdotool", "mousedown", "1"], check=True)
    for step in range(1, 6):
        yield 0.4
        point(start[0], start[1] + down * step // 5)
    yield 0.5
    subprocess.run(["xdotool", "mouseup", "1"], check=True)
    yield 0.5


def save_wall(path):
    """A picture without a face."""
    image = bpy.data.images.new("wall", 640, 480)
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)


def steps():
    yield 2
    MODELS.mkdir(exist_ok=True)
    bpy.context.preferences.addons[PACKAGE].preferences.models_folder = str(MODELS)
    SHOWN.parent.mkdir(exist_ok=True)
    shutil.copy(PHOTO, SHOWN)
    save_wall(NO_FACE)
    open_tab("Likeness")
    yield from picture("first", "photos")
    bpy.context.scene.likeness.photo = str(NO_FACE)
    with ctx():
        bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=str(NO_FACE))
    yield from wait_idle()
    report(said=work().error)
    point(830, 480)
    press("Escape")
    yield from picture("error", "photos")
    bpy.context.scene.likeness.photo = str(SHOWN)
    with ctx():
        bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=str(SHOWN))
        bpy.ops.likeness.generate("INVOKE_DEFAULT", seed=7)
    yield from wait(lambda: work().row and work().row[0].fraction > 0.3, 60)
    shot("guide_running")
    with ctx():
        bpy.ops.likeness.cancel(number=work().row[1].number)
    yield from wait_idle()
    yield 1
    look_at("astronaut")
    yield from picture("result", "photos", "result")
    view3d()[1].spaces.active.overlay.show_overlays = True
    with ctx():
        bpy.ops.likeness.correct_landmarks("INVOKE_DEFAULT")
    yield 2
    yield from drag(CHIN, 25)
    shot("guide_correct")
    point(500, 500)
    press("Escape")
    yield 1
    look_at("astronaut")
    yield from picture("identity", "identity")
    point(830, 280)
    identity = sys.modules[f"{PACKAGE}.operators.identity"]
    with ctx():
        bpy.ops.likeness.choose_variant("INVOKE_DEFAULT", seed=4, strength=0.7)
    yield from wait(lambda: identity._sheet is not None, 120)
    yield 2
    shot("guide_variants")
    point(500, 500)
    press("Escape")
    yield 1
    bpy.context.scene.likeness.words = WORDS
    with ctx():
        bpy.ops.likeness.edit_with_words(words=WORDS)
    yield from picture("words", "words")
    with ctx():
        bpy.ops.likeness.restyle_skin(changes="freckles=0.8")
    yield from wait_idle()
    yield from picture("skin", "skin")
    with ctx():
        bpy.ops.likeness.apply_expression(expression="NEUTRAL")
        bpy.ops.likeness.random_expression(seed=3)
    yield from picture("expression", "expression")
    with ctx():
        bpy.ops.likeness.idle_motion()
    bpy.context.scene.frame_set(40)
    yield from picture("animation", "animation", "export", "models")
    bpy.context.preferences.view.show_splash = False
    bpy.ops.screen.userpref_show()
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Likeness"
    addon_utils.modules_refresh()
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[-1]):
        bpy.ops.preferences.addon_expand(module=PACKAGE)
        bpy.ops.likeness.test_worker("INVOKE_DEFAULT")
    yield from wait_idle()
    report(worker=work().worker)
    show_cache_as_at_home()
    resize("Preferences", 900, 960)
    yield 4
    shot("guide_preferences")
    report(error=work().error)
