"""What a person sees. Panels call operators by id only."""

from . import export, expression, identity, menus, models, photos, result

MODULES = (photos, result, identity, expression, export, models, menus)
"""In the order of the work, which is the order in the sidebar."""
