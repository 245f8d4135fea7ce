"""What a person does, one file each. Operators only call core.pipeline and scene, and say in one sentence what went wrong."""

from . import export, expression, fit_photo, generate, photos, remove

MODULES = (fit_photo, photos, generate, expression, export, remove)
