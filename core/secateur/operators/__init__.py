"""The room that knows operations: what each does to channels.

``flow`` says what a tensor is made of after an operation; rules are found by the name of the ATen
operation, ours in this package, a stranger's by the entry point ``secateur.operators``.
"""

from secateur.network.run import Op
from secateur.operators.flow import Flow, ReadEvent, StatEvent, Work
from secateur.operators.registry import flow_of, load_rules, registered
from secateur.operators.rule import OperatorRule, rule

__all__ = [
    "Flow",
    "Op",
    "OperatorRule",
    "ReadEvent",
    "StatEvent",
    "Work",
    "flow_of",
    "load_rules",
    "registered",
    "rule",
]
