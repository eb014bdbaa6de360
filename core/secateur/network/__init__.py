"""A network's channels: which there are, and how to take them away softly."""

from secateur.network.amount import Amount, check_amount, count_of, keep_one_each
from secateur.network.call import Call, as_call
from secateur.network.channels import Channels, Group, Placed, Read
from secateur.network.costs import Costs, Term
from secateur.network.door import unwrap
from secateur.network.find import find_channels
from secateur.network.gates import GatedNetwork

__all__ = [
    "Amount",
    "Call",
    "Channels",
    "Costs",
    "GatedNetwork",
    "Group",
    "Placed",
    "Read",
    "Term",
    "as_call",
    "check_amount",
    "count_of",
    "find_channels",
    "keep_one_each",
    "unwrap",
]
