"""The contract of a backend; see ``secateur.backends.base``."""

from secateur.backends.base import (
    Applicability,
    Availability,
    Backend,
    Capabilities,
    Solution,
    Status,
    Stopped,
    Timings,
)
from secateur.backends.options import BackendOptions, make_options, option
from secateur.backends.problem import Limit, Problem

__all__ = [
    "Applicability",
    "Availability",
    "Backend",
    "BackendOptions",
    "Capabilities",
    "Limit",
    "Problem",
    "Solution",
    "Status",
    "Stopped",
    "Timings",
    "make_options",
    "option",
]
