"""What networks are for: data, losses, metrics."""

from secateur.tasks.base import Batch, Split, Task

__all__ = ["Batch", "Split", "Task"]
