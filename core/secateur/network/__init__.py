"""A network's channels: which there are, and how to take them away softly."""

from secateur.network.channels import Channels, Group, Member, find_channels
from secateur.network.masks import GatedNetwork

__all__ = ["Channels", "GatedNetwork", "Group", "Member", "find_channels"]
