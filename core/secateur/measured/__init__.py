"""What was measured of a network, held: for many amounts and methods, now or from a folder."""

from secateur.measured.measured import (
    Measured,
    many_methods,
    measure,
    measure_subject,
    one_method,
)

__all__ = [
    "Measured",
    "many_methods",
    "measure",
    "measure_subject",
    "one_method",
]
