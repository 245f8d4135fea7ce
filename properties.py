"""What the panel shows and a person chooses: settings saved in the scene, and the state of the running job."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from .translations import CONTEXT

RELATIVE_PATH = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()
"""For path properties that take "//" for the .blend file's folder; older Blenders allow it everywhere."""
IMAGE_FILTER = "*.jpg;*.jpeg;*.png;*.tif;*.tiff;*.webp;*.bmp;*.gif;*.heic;*.heif;*.avif"
FACES = (
    ("LARGEST", "Largest Face", "The face that fills most of the photo"),
    ("ALL", "All Faces", "A head for every face in the photo"),
    ("ONE", "Face Number", "One face by its place in order of size"),
)
WAYS = (
    ("LEXICON", "Lexicon", "Words that move named traits, skin and expressions at once: what is understood is told"),
    ("CLIP", "CLIP", "Any words: CLIP looks for the change that makes the head look like them, in half a minute"),
)
MOST_CLIP_STEPS = 1000
METHODS = (
    ("LIKENESS", "Likeness", "Likeness' own way: nothing else is needed"),
    ("PAPER", "Paper's Networks", "The networks of the paper, whose files you have: by them, on FLAME's mesh, under their terms"),
)
TEXTURE_SIZES = tuple((str(size), f"{size} x {size}", f"{size} pixels wide and high") for size in (512, 1024, 2048, 4096))
REFINE = "Likeness' own fit starts from what the networks say and goes on; otherwise their result stays as it is"
AS_RELEASED = "As the paper's code was released, with its known faults; nothing is refined then"
TRUNCATION = "How far from the mean person: 0 is the mean, 1 anybody"

_chosen: dict[str, str] = {}
"""The chosen photos' paths, for this session only: a .blend may be given away, and a path says whose it was and where."""


def get_photo(settings: bpy.types.PropertyGroup) -> str:
    """The chosen photo's absolute path, or nothing."""
    return _chosen.get("photo", "")


def set_photo(settings: bpy.types.PropertyGroup, path: str) -> None:
    """Keep the choice; "//" means the folder of the .blend that is open now."""
    _chosen["photo"] = bpy.path.abspath(path)


def get_others(settings: bpy.types.PropertyGroup) -> str:
    """Absolute paths of further photos of the same person, one a line."""
    return _chosen.get("others", "")


def set_others(settings: bpy.types.PropertyGroup, paths: str) -> None:
    """Keep the choice."""
    _chosen["others"] = "\n".join(bpy.path.abspath(path) for path in paths.splitlines() if path.strip())


class LikenessSettings(bpy.types.PropertyGroup):
    """What a person chose; saved with the scene, but for the photo's path."""

    photo: StringProperty(
        name="Photo",
        description="The photo of a face: JPEG, PNG, TIFF, WebP or HEIC. A face from the front, in even light, is best",
        subtype="FILE_PATH",
        options=RELATIVE_PATH,
        get=get_photo,
        set=set_photo,
    )
    others: StringProperty(
        name="Further Photos",
        description="Paths of further photos of the same person, one a line",
        get=get_others,
        set=set_others,
    )
    faces: EnumProperty(
        name="Faces", description="Which faces of the photo become heads", items=FACES, default="LARGEST",
        translation_context=CONTEXT,
    )  # fmt: skip
    face: IntProperty(name="Number", description="0 is the largest face, 1 the next", default=0, min=0, soft_max=9)
    texture_size: EnumProperty(
        name="Texture", description="The albedo's width and height in pixels", items=TEXTURE_SIZES, default="2048"
    )
    seed: IntProperty(name="Seed", description="Which random person: the same seed always makes the same", default=0, min=0)
    method: EnumProperty(
        name="Method", description="What heads are made by", items=METHODS, default="LIKENESS", translation_context=CONTEXT
    )
    refine: BoolProperty(name="Refine", description=REFINE, default=True)
    as_released: BoolProperty(name="As Released", description=AS_RELEASED, default=False)
    truncation: FloatProperty(name="Truncation", description=TRUNCATION, default=0.5, min=0.0, max=1.0, subtype="FACTOR")
    is_mixed: BoolProperty(name="Mix", description="The finer half of the random person is another seed's", default=False)
    mix_seed: IntProperty(name="Mix Seed", description="Whose finer half it is", default=1, min=0)
    words: StringProperty(
        name="Words",
        description="What to change of the head, in English, for example: older, with a slightly wider nose, not smiling",
    )
    words_strength: FloatProperty(
        name="Strength", description="How much of what the words say: 0 nothing, 1 as they say", default=1.0, min=0.0, max=2.0,
        subtype="FACTOR",
    )  # fmt: skip
    words_way: EnumProperty(
        name="By", description="Who reads the words", items=WAYS, default="LEXICON", translation_context=CONTEXT
    )
    clip_steps: IntProperty(
        name="Steps", description="How long CLIP looks for the change: more steps move the head further", default=100, min=1,
        soft_max=300, max=MOST_CLIP_STEPS,
    )  # fmt: skip
    clip_seed: IntProperty(
        name="Seed", description="From where CLIP looks at the head: the same seed finds the same change", default=0, min=0
    )
    words_change_shape: BoolProperty(name="Shape", description="Words may change the head's shape", default=True)
    words_change_skin: BoolProperty(name="Skin", description="Words may change the skin", default=True)
    words_change_expression: BoolProperty(
        name="Expression", description="Words may change what the face shows", default=True, translation_context=CONTEXT
    )


class LikenessJob(bpy.types.PropertyGroup):
    """A job as the panel shows it."""

    number: IntProperty(options={"SKIP_SAVE"})
    stage: StringProperty(options={"SKIP_SAVE"})
    fraction: FloatProperty(options={"SKIP_SAVE"})
    remaining: StringProperty(options={"SKIP_SAVE"})
    picture: IntProperty(options={"SKIP_SAVE"})


class LikenessWork(bpy.types.PropertyGroup):
    """The row of jobs, the running one first, and how many more wait behind those; never saved."""

    row: CollectionProperty(type=LikenessJob, options={"SKIP_SAVE"})
    num_more: IntProperty(options={"SKIP_SAVE"})
    is_running: BoolProperty(options={"SKIP_SAVE"})
    error: StringProperty(options={"SKIP_SAVE"})
    worker: StringProperty(options={"SKIP_SAVE"})


def attach() -> None:
    """Hang the groups on Blender's types: Scene.likeness and WindowManager.likeness_job."""
    bpy.types.Scene.likeness = PointerProperty(type=LikenessSettings)
    bpy.types.WindowManager.likeness_job = PointerProperty(type=LikenessWork, options={"SKIP_SAVE"})


def detach() -> None:
    """Take them away again."""
    _chosen.clear()
    del bpy.types.WindowManager.likeness_job
    del bpy.types.Scene.likeness


CLASSES = (LikenessSettings, LikenessJob, LikenessWork)
