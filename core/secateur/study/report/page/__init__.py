"""The page of a report: one file, nothing is asked of the network, every foreign text escaped."""
