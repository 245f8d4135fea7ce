"""Every error a user can meet: one small family whose messages are the remedy."""

from __future__ import annotations

import traceback


class LikenessError(Exception):
    """A job could not be done; the message says what to do about it. Nothing was written."""


class PhotoError(LikenessError):
    """The photo cannot be read: missing, not an image, damaged, too large, too small."""


class FaceError(LikenessError):
    """The photo was read but holds no usable face."""


class ModelError(LikenessError):
    """A head model or network file is missing, damaged or of another version."""


class TopologyError(ModelError):
    """A head model's mesh is not the one that the landmark calibration's points lie on."""


class CheckpointError(ModelError):
    """A file of others (checkpoint, pickle, archive of arrays) is refused; nothing in it was run."""


class SkinError(LikenessError):
    """A number wanted of a skin does not exist or is out of its range, or a head does not say how its skin was read."""


class IdentityError(LikenessError):
    """The shape of a head cannot be edited as the head is now."""


class CorrectionError(LikenessError):
    """A head cannot be corrected or painted on its photo: it has none, or its mesh is not the model's any more."""


class SceneError(LikenessError):
    """What a job was to change in the scene is not there any more, or is another."""


class ExportError(LikenessError):
    """A result cannot be written: folder missing or read-only, disk full, unknown format."""


class WordsError(LikenessError):
    """Words ask for nothing that can be changed of a head, or a file holds no head that words can change."""


class PresetError(LikenessError):
    """A preset of expressions cannot be read or written."""


class CaptureError(LikenessError):
    """A recorded face cannot be read: not such a file, damaged, too long."""


class AnimationError(LikenessError):
    """A head cannot be animated as it and its scene are now."""


class BackendError(LikenessError):
    """A rendering backend is not installed, or cannot run on this machine or device."""


class EvaluationError(LikenessError):
    """A mesh, a scan or its landmarks cannot be read, or a benchmark's folder is not laid out as the benchmark's."""


class WorkerError(LikenessError):
    """The process that does the work beside Blender cannot be started."""


def describe_error(error: Exception) -> str:
    """The sentence for the user. An error that is not of the family is a fault of ours: it is also printed in full."""
    if isinstance(error, LikenessError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and "likeness" not in (error.name or ""):
        return f"The Python module {error.name} is missing: install the Likeness zip for this system, or run `make environment`."
    if isinstance(error, MemoryError):
        return "There is not enough memory for this job: close other programs, run fewer jobs, or use a smaller photo."
    traceback.print_exception(error)
    return f"Likeness met a fault of its own ({type(error).__name__}: {error}): please report it with the text in the console."
