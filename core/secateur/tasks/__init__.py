"""What networks are for: data, losses, metrics."""

from secateur.tasks.base import Split, Task, check_task
from secateur.tasks.batches import Batch
from secateur.tasks.denoising import denoising_task

__all__ = ["Batch", "Split", "Task", "check_task", "denoising_task"]
