"""What a person sees. Panels call operators by id only."""

from . import export, expression, menus, photos, result

MODULES = (photos, result, expression, export, menus)
"""In the order of the work, which is the order in the sidebar."""
