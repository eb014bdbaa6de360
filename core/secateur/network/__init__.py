"""A network's channels: which there are, and how to take them away softly."""

from secateur.network.amount import Amount, count_of, keep_one_each
from secateur.network.channels import Channels, Group, Member, find_channels
from secateur.network.masks import GatedNetwork

__all__ = [
    "Amount",
    "Channels",
    "GatedNetwork",
    "Group",
    "Member",
    "count_of",
    "find_channels",
    "keep_one_each",
]
