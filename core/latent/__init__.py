"""Tools for latent codes: a picture's code found, directions followed, codes mixed; and the same between two heads.

Rule of this package: codes are NumPy arrays, w [D] or w+ [L, D]. projection.py and similarity.py alone need PyTorch, the
user's own.
"""
