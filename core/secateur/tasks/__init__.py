"""What networks are for: data, losses, metrics."""

from secateur.tasks.base import Split, Task
from secateur.tasks.batches import Batch

__all__ = ["Batch", "Split", "Task"]
