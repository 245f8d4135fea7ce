"""What a person sees. Panels call operators by id only."""

from . import animation, export, expression, identity, menus, models, paper, photos, result, skin, words

MODULES = (photos, result, paper, words, identity, skin, expression, animation, export, models, menus)
"""In the order of the work, which is the order in the sidebar."""
