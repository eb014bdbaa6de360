"""What is measured of every channel, in one pass over the calibration data, and how it is held."""

from secateur.statistics.collect import collect_statistics
from secateur.statistics.data import ChannelStatistics
from secateur.statistics.fingerprint import fingerprint_data, fingerprint_network
from secateur.statistics.fisher import fisher_blocks, fisher_matrix, reliability
from secateur.statistics.similarity import covariance, similarity

__all__ = [
    "ChannelStatistics",
    "collect_statistics",
    "covariance",
    "fingerprint_data",
    "fingerprint_network",
    "fisher_blocks",
    "fisher_matrix",
    "reliability",
    "similarity",
]
