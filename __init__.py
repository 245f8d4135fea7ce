"""Likeness: from a photo to a rigged, textured, animatable head. Nothing is imported until register()."""


def register() -> None:
    from . import registration

    registration.register()


def unregister() -> None:
    from . import registration

    registration.unregister()
