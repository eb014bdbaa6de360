"""Equal tuning: every method gets the same trials, on instances that are none of the study's."""

from __future__ import annotations

from secateur.study.tuning.space import Dimension, search_space
from secateur.study.tuning.tuning import Trial, Tuned, TunedMethod, tune
from secateur.study.tuning.writing import write_trials, write_tuned

__all__ = [
    "Dimension",
    "Trial",
    "Tuned",
    "TunedMethod",
    "search_space",
    "tune",
    "write_trials",
    "write_tuned",
]
