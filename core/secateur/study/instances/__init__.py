"""The problems of a study: made, made again, judged.

``load_problem(instance)`` gives the problem, ``judge(instance, bits)`` what a network is worth that
was pruned so.
"""

from __future__ import annotations

from secateur.study.instances.problems import judge, load_problem

__all__ = ["judge", "load_problem"]
