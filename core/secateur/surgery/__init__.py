"""From a selection to a smaller network: compensated, cut, measured, saved."""

from secateur.network.cut import cut
from secateur.surgery.batchnorm import reestimate_batch_norm
from secateur.surgery.check import check_cut
from secateur.surgery.compensate import compensate
from secateur.surgery.measure import Latency, count_macs, count_parameters, measure_latency
from secateur.surgery.save import load_slim, save_slim
from secateur.surgery.weights import load_weights

__all__ = [
    "Latency",
    "check_cut",
    "compensate",
    "count_macs",
    "count_parameters",
    "cut",
    "load_slim",
    "load_weights",
    "measure_latency",
    "reestimate_batch_norm",
    "save_slim",
]
