"""Check a certificate of a lower bound in exact arithmetic, trusting nothing that wrote it.

What a certificate holds, and why that proves a bound, is told in ``docs/reference/certificate.md``.
This package shares no code with what finds bounds. To be read in this order: ``check`` (the whole),
``tree`` (a block), ``exact`` (matrices and sums of curves), ``reading`` (strictness about data).
"""

from secateur.certify.check import Verdict, check

__all__ = ["Verdict", "check"]
