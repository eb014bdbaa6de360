"""From what was measured to smaller networks: planned, selected, refined, cut, checked, told."""

from secateur.pruning.running import Comparison, Job, prepare, run
from secateur.pruning.selecting import make_problem

__all__ = ["Comparison", "Job", "make_problem", "prepare", "run"]
