"""From a selection to a smaller network: compensated, cut, measured, saved."""

from secateur.network.cut import cut
from secateur.surgery.batchnorm import reestimate_batch_norm
from secateur.surgery.check import check_cut
from secateur.surgery.compensation import Compensation, FittedLayer, compensate
from secateur.surgery.measure import count_macs, count_parameters
from secateur.surgery.save import load_pruned, load_slim, save_slim
from secateur.surgery.weights import load_weights

__all__ = [
    "Compensation",
    "FittedLayer",
    "check_cut",
    "compensate",
    "count_macs",
    "count_parameters",
    "cut",
    "load_pruned",
    "load_slim",
    "load_weights",
    "reestimate_batch_norm",
    "save_slim",
]
