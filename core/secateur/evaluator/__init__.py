"""The metric of many masks, as fast as the machine gives it, and the same numbers.

What a mask leaves is cut and run instead of masked; batch norm is folded into the layer before it,
feature maps are laid out channels last, modules in front of the first change are not run again,
and rows are shared out among processes. Everything is held against the plain way on first use.
"""

from secateur.evaluator.fast import Fast, Maker
from secateur.evaluator.processes import Processes
from secateur.evaluator.recording import Recording, record

__all__ = ["Fast", "Maker", "Processes", "Recording", "record"]
