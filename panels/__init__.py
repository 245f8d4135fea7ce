"""What a person sees. Panels call operators by id only."""

from . import export, expression, photos, result

MODULES = (photos, result, expression, export)
"""In the order of the work, which is the order in the sidebar."""
