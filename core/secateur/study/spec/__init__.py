"""A study's file: read, checked wholly, multiplied into cells."""

from __future__ import annotations

from secateur.study.spec.loading import load_study

__all__ = ["load_study"]
