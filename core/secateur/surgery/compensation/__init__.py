"""Compensation: layers that read pruned channels are re-fitted, without labels."""

from secateur.surgery.compensation.fitting import Compensation, FittedLayer, compensate, fit

__all__ = ["Compensation", "FittedLayer", "compensate", "fit"]
