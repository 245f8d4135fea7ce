"""What an operator reports when it cannot do what it was asked."""

from __future__ import annotations

from ..core import errors
from ..translations.sentences import translate_sentence


def describe_error(error: Exception) -> str:
    """core.errors.describe_error, in Blender's language."""
    return translate_sentence(errors.describe_error(error))


def describe_refusal(error: RuntimeError) -> str:
    """Why another operator of ours did not start: Blender puts "Error: " in its language before that, or what has been polled."""
    said = str(error).strip()
    return translate_sentence(said.partition(".poll() ")[2].strip() or said.partition(": ")[2] or said)
