"""What is measured of every channel, in one pass over the calibration data."""

from secateur.statistics.collect import ChannelStatistics, collect_statistics
from secateur.statistics.fisher import fisher_blocks, fisher_matrix, reliability
from secateur.statistics.similarity import covariance, similarity

__all__ = [
    "ChannelStatistics",
    "collect_statistics",
    "covariance",
    "fisher_blocks",
    "fisher_matrix",
    "reliability",
    "similarity",
]
