"""The paper's method as a way of the product: a photo or a seed, and a folder of the files that the user has, become a head.

Rule of this package: PyTorch is needed only inside of the stories; importing it needs none. The numbers are core/albedogan's.
"""
