"""The problems of a study: made, made again, judged.

``load_problem(instance)`` gives the problem, ``judge(instance, bits)`` what a network is worth that
was pruned so.
"""
