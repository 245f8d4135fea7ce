"""The extension's page in Blender's preferences: what is installed, the models folder, the cache, the worker, the interface.

Rule of this file: of files' contents drawing reads headers alone (the built-in model's, the names of the paper's tensors), and
those once until they change; what takes longer has a button.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import BoolProperty, EnumProperty, StringProperty

from . import keymap

if TYPE_CHECKING:
    from .core.cache import CacheSize
    from .core.paper.listing import Part

PARTS = (
    ("PIL", "pillow", "Photos", True),
    ("pillow_heif", "pillow-heif", "HEIC photos", False),
    ("warp", "warp-lang", "Rendering", True),
    ("threadpoolctl", "threadpoolctl", "Threads", True),
)
"""Module, distribution, what it gives, whether a fit needs it."""
LOOK_AGAIN_S = 3
"""Folders are looked through at most this often while the page is drawn."""
LANGUAGES = "English, Deutsch, Español, Français, 日本語, 简体中文"
STATE_ICONS = {"usable": "CHECKMARK", "other mesh": "ERROR", "unreadable": "ERROR"}


DEVICES = (
    ("AUTO", "Automatic", "What is known to do best for the built-in head: today the CPU"),
    ("CPU", "CPU", "The same seed gives the same bytes on every machine"),
    ("CUDA", "CUDA", "NVIDIA's GPU paints skin and textures, the CPU fits. Results differ in their last bits"),
    ("MPS", "Metal", "Apple's GPU: for head models that run in PyTorch. The built-in head runs on the CPU"),
)


def follow_worker(preferences: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    """The next job gets a worker of the new kind."""
    from .operators.job import renew_worker

    renew_worker()


def follow_clip_file(preferences: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    """A file that is no CLIP is refused at once, in a sentence."""
    from .operators.telling import describe_error

    preferences.clip_refusal = ""
    if preferences.clip_file:
        from .core.clip.weights import check_clip_file

        try:
            check_clip_file(Path(bpy.path.abspath(preferences.clip_file)))
        except Exception as error:
            preferences.clip_refusal = describe_error(error)


def follow_paper_folder(preferences: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    """The panels offer the method, or do so no longer."""
    for area in (area for window in context.window_manager.windows for area in window.screen.areas):
        area.tag_redraw()


def follow_pie_menu(preferences: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    """The shortcut comes and goes with the tick."""
    keymap.follow_preference()


class LikenessPreferences(bpy.types.AddonPreferences):
    """What holds for every file and every head; kept in Blender's preferences."""

    bl_idname = __package__

    models_folder: StringProperty(
        name="Folder",
        description="Where your own head models lie. Empty: a folder of the extension's in Blender's user folder",
        subtype="DIR_PATH",
    )
    model: StringProperty(
        name="Head Model",
        description="The file of the models folder that photos are fitted with. Empty: the built-in head",
    )
    paper_folder: StringProperty(
        name="Paper's Files",
        description="The folder with the paper's networks, laid out as released or all in one. Empty: they are not offered",
        subtype="DIR_PATH",
        update=follow_paper_folder,
    )
    worker_python: StringProperty(
        name="Python",
        description="The Python that heads are made with, beside Blender. Empty: Blender's own, which needs nothing else",
        subtype="FILE_PATH",
        update=follow_worker,
    )
    device: EnumProperty(
        name="Device",
        description="What heads are painted with; Test tells what is used",
        items=DEVICES,
        default="AUTO",
        update=follow_worker,
    )
    clip_file: StringProperty(
        name="CLIP",
        description="Your own file of CLIP's weights, as open_clip has them (ViT-B-32, for example), to edit heads by any words",
        subtype="FILE_PATH",
        update=follow_clip_file,
    )
    clip_refusal: StringProperty(
        name="Refusal", description="Why the chosen file of CLIP's weights cannot be used; empty where it can", options={"HIDDEN"}
    )
    use_pie_menu: BoolProperty(
        name="Pie menu",
        description="Open Likeness' pie menu with Ctrl Shift H in Object Mode; the keys can be changed under Keymap",
        default=False,
        update=follow_pie_menu,
    )

    def draw(self, context: bpy.types.Context) -> None:
        self._draw_installation(self._section("Installation", "PACKAGE"))
        self._draw_models(self._section("Head Models", "USER"), context)
        self._draw_paper(self._section("Paper's Networks", "NETWORK_DRIVE"))
        self._draw_cache(self._section("Cache", "FILE_CACHE"))
        self._draw_worker(self._section("Worker", "SYSTEM"), context)
        self._draw_words(self._section("Words", "OUTLINER_OB_FONT"))
        self._draw_interface(self._section("Interface", "WINDOW"))

    def _section(self, title: str, icon: str) -> bpy.types.UILayout:
        box = self.layout.box()
        box.label(text=title, icon=icon)
        return box.column()

    def _draw_installation(self, layout: bpy.types.UILayout) -> None:
        from .core.config import ASSETS_DIR, VERSION

        blender, python = bpy.app.version_string, "{}.{}.{}".format(*sys.version_info)
        said = iface_("Likeness {version} in Blender {blender}, Python {python}")
        layout.label(text=said.format(version=VERSION, blender=blender, python=python), icon="BLENDER", translate=False)
        grid = layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
        for module, distribution, label, is_needed in PARTS:
            version = installed_version(module, distribution)
            state = version or (iface_("missing: reinstall the extension") if is_needed else iface_("not available here"))
            icon = "CHECKMARK" if version else "ERROR" if is_needed else "INFO"
            grid.label(text=f"{iface_(label)}: {distribution} {state}", icon=icon, translate=False)
        has_networks = len(list(ASSETS_DIR.glob("*.tflite"))) == 2
        state = "Landmarks: networks there" if has_networks else "Landmarks: networks missing, reinstall the extension"
        grid.label(text=iface_(state), icon="CHECKMARK" if has_networks else "ERROR")
        numpy_version = installed_version("numpy", "numpy")
        state = "Arrays: numpy {version}, Blender's own" if numpy_version else "Arrays: numpy missing in this Blender"
        said = iface_(state).format(version=numpy_version)
        grid.label(text=said, icon="CHECKMARK" if numpy_version else "ERROR", translate=False)

    def _draw_models(self, layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
        draw_model(layout, embedded_model(), is_used=not self.model)
        layout.prop(self, "models_folder")
        folder = models_folder(context)
        if not self.models_folder:
            layout.label(text=str(folder), icon="BLANK1", translate=False)
        files = look_into_models_folder(str(folder), _tick())
        for path in files:
            draw_model(layout, path, is_used=path.name == self.model)
        if not files:
            layout.label(text="No models of your own are there; the built-in head needs none", icon="BLANK1")
        row = layout.row()
        row.operator("likeness.import_model", text="Import Model by File...", icon="IMPORT")
        row.operator("likeness.check_models", text="Check All", icon="FILE_REFRESH")
        layout.label(text="FLAME files (generic_model.pkl) can be imported as they were downloaded", icon="INFO")

    def _draw_paper(self, layout: bpy.types.UILayout) -> None:
        layout.prop(self, "paper_folder", text="Folder")
        if not self.paper_folder:
            layout.label(text="Own files of the paper's networks (DECA, MICA, StyleGAN2): heads can be made by them", icon="INFO")
            return
        folder = bpy.path.abspath(self.paper_folder)
        if not Path(folder).is_dir():
            layout.label(text="There is no such folder: choose another", icon="ERROR")
            return
        for part in look_into_paper_folder(folder, _tick()):
            draw_part(layout, part)
        layout.label(text="They need PyTorch in the worker's Python; their terms hold for heads made by them", icon="INFO")

    def _draw_cache(self, layout: bpy.types.UILayout) -> None:
        from .core.config import cache_dir

        size = look_into_cache(str(cache_dir()), _tick())
        said = iface_("Compiled kernels: {size} in {count} files")
        layout.label(text=said.format(size=describe_size(size.num_bytes), count=size.num_files), translate=False)
        layout.label(text=str(cache_dir()), icon="BLANK1", translate=False)
        row = layout.row()
        row.operator("likeness.clear_cache", icon="TRASH")
        row.operator("likeness.open_cache", icon="FILE_FOLDER")

    def _draw_worker(self, layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
        from .translations.sentences import translate_sentence

        layout.prop(self, "worker_python")
        layout.label(text="Empty: Blender's own Python. Test starts the worker anew with the one that is chosen", icon="BLANK1")
        layout.row().prop(self, "device", expand=True)
        layout.operator("likeness.test_worker", icon="PLAY")
        work = context.window_manager.likeness_job
        for item in work.row:
            layout.label(text=f"{item.name}: {translate_sentence(item.stage)}", icon="SORTTIME", translate=False)
        for fact in filter(None, work.worker.split(" | ")):
            layout.label(text=translate_sentence(fact), icon="CHECKMARK", translate=False)

    def _draw_words(self, layout: bpy.types.UILayout) -> None:
        layout.prop(self, "clip_file")
        if self.clip_refusal:
            layout.label(text=self.clip_refusal, icon="ERROR", translate=False)
        elif self.clip_file:
            layout.label(text="Edit with Words offers CLIP beside the lexicon", icon="CHECKMARK")
        else:
            layout.label(text="Optional: without it a lexicon reads the words. Nothing is downloaded", icon="BLANK1")
        said = "CLIP needs torch and open_clip_torch in the worker's Python: choose one that has them under Worker"
        layout.label(text=said, icon="INFO")

    def _draw_interface(self, layout: bpy.types.UILayout) -> None:
        layout.prop(self, "use_pie_menu", text="Pie menu on Ctrl Shift H in Object Mode")
        layout.label(text="Language: as chosen for Blender, under Interface", icon="WORLD")
        layout.label(text=LANGUAGES, icon="BLANK1", translate=False)


def draw_model(layout: bpy.types.UILayout, path: Path, *, is_used: bool) -> None:
    """A model's file: name, size, and what the last check said of it."""
    from .core.model_files import recall_model_file

    is_embedded, found = path == embedded_model(), recall_model_file(path)
    name = iface_("Built-in head") if is_embedded else path.name
    box = layout.box().column(align=True)
    row = box.row()
    if not path.is_file():
        row.label(text=iface_("{name}: the file is missing").format(name=name), icon="ERROR", translate=False)
        return
    facts = [name, describe_size(path.stat().st_size)]
    if found or not is_embedded:
        facts.append(iface_(found.state) if found else iface_("not checked"))
    icon = STATE_ICONS[found.state] if found else "CHECKMARK" if is_embedded else "QUESTION"
    row.label(text=", ".join(facts), icon=icon, translate=False)
    use = row.operator("likeness.use_model", text="Used" if is_used else "Use", depress=is_used)
    use.filename = "" if is_embedded else path.name
    if not is_embedded:
        row.operator("likeness.remove_model", text="", icon="TRASH").filename = path.name
    licence = licence_of(path) if is_embedded else found.licence if found else ""
    if found and not is_embedded:
        box.label(text=found.sentence, icon="BLANK1")
    if licence:
        box.label(text=licence, icon="BLANK1", translate=False)
    if found:
        box.label(text=f"SHA-256 {found.sha256}", icon="BLANK1", translate=False)


def draw_part(layout: bpy.types.UILayout, part: Part) -> None:
    """A file of the paper's, there or not, and what it brings."""
    from .translations.sentences import translate_sentence

    icon = "CHECKMARK" if part.path else "ERROR" if part.is_needed or part.problem else "REMOVE"
    if part.problem:
        layout.label(text=translate_sentence(part.problem), icon=icon, translate=False)
        return
    brings = iface_(part.brings)
    missing = iface_("{name} is missing: {brings}").format(name=part.name, brings=brings)
    layout.label(text=f"{part.path.name}: {brings}" if part.path else missing, icon=icon, translate=False)


def describe_size(num_bytes: int) -> str:
    """'8.5 MB', '12 kB'."""
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes >= 1e5 else f"{-(-num_bytes // 1000)} kB"


def find_preferences(context: bpy.types.Context) -> LikenessPreferences | None:
    """The extension's preferences; None where the package is imported without being an add-on."""
    addon = context.preferences.addons.get(__package__)
    return addon.preferences if addon else None


def models_folder(context: bpy.types.Context, *, is_made: bool = False) -> Path:
    """Where the user's models lie: the chosen folder, else one in Blender's user folder (made on request), which updates keep."""
    preferences = find_preferences(context)
    if preferences and preferences.models_folder:
        return Path(bpy.path.abspath(preferences.models_folder))
    return Path(bpy.utils.extension_path_user(__package__, path="models", create=is_made))


def chosen_model(context: bpy.types.Context) -> str:
    """What pipeline.fit_photo calls `model`: 'embedded', or the path of the file that is used."""
    preferences = find_preferences(context)
    return str(models_folder(context) / preferences.model) if preferences and preferences.model else "embedded"


def chosen_clip(context: bpy.types.Context) -> str:
    """The path of the file of CLIP's weights; empty where none is chosen or it was refused."""
    preferences = find_preferences(context)
    is_usable = preferences and preferences.clip_file and not preferences.clip_refusal
    return bpy.path.abspath(preferences.clip_file) if is_usable else ""


def paper_folder(context: bpy.types.Context) -> str:
    """The folder of the paper's files, '' where none is chosen."""
    preferences = find_preferences(context)
    return bpy.path.abspath(preferences.paper_folder) if preferences else ""


def chosen_method(context: bpy.types.Context) -> str:
    """properties.METHODS' choice; the paper's only where there is a folder of its files."""
    return context.scene.likeness.method if paper_folder(context) else "LIKENESS"


def embedded_model() -> Path:
    """The built-in head's file."""
    from .core.config import ASSETS_DIR

    return ASSETS_DIR / "embedded_head.npz"


def licence_of(path: Path) -> str:
    """What a model's file says of its licence, or what is wrong with the file; its header is read once."""
    try:
        return _read_licence(path, path.stat().st_mtime_ns)
    except OSError as error:
        return str(error)


@lru_cache
def _read_licence(path: Path, changed_ns: int) -> str:
    from .core.errors import ModelError
    from .core.head.model import read_licence

    try:
        return read_licence(path)
    except ModelError as error:
        return str(error)


@lru_cache
def installed_version(module: str, distribution: str) -> str:
    """A distribution's version, '' where its module is not there; nothing is imported."""
    if importlib.util.find_spec(module) is None:
        return ""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


def _tick() -> int:
    return int(time.monotonic() // LOOK_AGAIN_S)


@lru_cache(maxsize=1)
def look_into_models_folder(folder: str, tick: int) -> list[Path]:
    """The files there; looked at once a tick."""
    from .core.model_files import list_model_files

    return list_model_files(Path(folder))


@lru_cache(maxsize=1)
def look_into_paper_folder(folder: str, tick: int) -> tuple[Part, ...]:
    """What of the paper's files is there; looked at once a tick, each file's names of tensors once until it changes."""
    from .core.paper.listing import list_parts

    return list_parts(Path(folder))


@lru_cache(maxsize=1)
def look_into_cache(folder: str, tick: int) -> CacheSize:
    """How much is there; looked at once a tick."""
    from .core.cache import measure_cache

    return measure_cache()


def show_change(context: bpy.types.Context) -> None:
    """Look again and draw the page again: something was changed by one of our buttons."""
    look_into_models_folder.cache_clear()
    look_into_paper_folder.cache_clear()
    look_into_cache.cache_clear()
    for area in (area for window in context.window_manager.windows for area in window.screen.areas):
        if area.type == "PREFERENCES":
            area.tag_redraw()


CLASSES = (LikenessPreferences,)
