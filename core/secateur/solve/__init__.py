"""Strategies over any backend: exactly what was asked, with a bound.

``secateur.solve`` is the function ``solve`` of this package: the package itself can be called.
"""

from __future__ import annotations
