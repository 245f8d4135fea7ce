"""Every error a user can meet: one small family whose messages are the remedy."""


class LikenessError(Exception):
    """A job could not be done; the message says what to do about it. Nothing was written."""


class PhotoError(LikenessError):
    """The photo cannot be read: missing, not an image, damaged, too large, too small."""


class FaceError(LikenessError):
    """The photo was read but holds no usable face."""


class ModelError(LikenessError):
    """A head model or network file is missing, damaged or of another version."""


class ExportError(LikenessError):
    """A result cannot be written: folder missing or read-only, disk full, unknown format."""


class Cancelled(LikenessError):
    """The user stopped the job."""
