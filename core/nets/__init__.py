"""The published networks: definitions whose sizes come from the tensors' names and shapes, and what files hold them.

Rule of this package: PyTorch is the user's own and optional. identify.py, nvidia.py and sizes.py need NumPy alone; the modules
with networks import torch and are imported when a network is built (kinds.build_network, importing.load_network).
Nothing here is a copy of a published implementation: the formulas are those of the papers, the names those of the files.
"""
