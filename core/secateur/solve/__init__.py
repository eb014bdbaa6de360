"""Strategies over any backend: exactly what was asked, with a bound."""
