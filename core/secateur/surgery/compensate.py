"""Being rebuilt on another branch."""
import copy
def compensate(network, channels, keep, calls):
    return copy.deepcopy(network)
