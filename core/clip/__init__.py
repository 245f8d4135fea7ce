"""Editing by words with CLIP: a latent code, or a head's own codes through the differentiable renderer, moved until the picture
is what the words say.

Rule of this package: PyTorch and open_clip are the user's own and optional, and so are CLIP's weights, a local file; nothing is
ever downloaded. The offline way to edit by words is core/words.
"""
