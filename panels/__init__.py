"""What a person sees. Panels call operators by id only."""

from . import export, expression, menus, models, photos, result

MODULES = (photos, result, expression, export, models, menus)
"""In the order of the work, which is the order in the sidebar."""
