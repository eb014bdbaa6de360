"""What was measured of a network, held: for many amounts and methods, now or from a folder."""

from secateur.measured.measured import (
    Measured,
    many_methods,
    measure,
    measure_subject,
    one_method,
)
from secateur.measured.quality import Quality

__all__ = [
    "Measured",
    "Quality",
    "many_methods",
    "measure",
    "measure_subject",
    "one_method",
]
