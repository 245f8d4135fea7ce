"""What an operator reports when it cannot do what it was asked."""

from __future__ import annotations

from ..core import errors
from ..translations.sentences import translate_sentence


def describe_error(error: Exception) -> str:
    """core.errors.describe_error, in Blender's language."""
    return translate_sentence(errors.describe_error(error))
