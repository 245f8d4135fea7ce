"""Files of others, read without running anything in them: pickles, torch checkpoints, NumPy archives, safetensors."""

from .limits import Limits
from .reading import read_file, read_metadata, read_outline
from .safetensors import write_safetensors
from .values import Record, Sparse

__all__ = ["Limits", "Record", "Sparse", "read_file", "read_metadata", "read_outline", "write_safetensors"]
