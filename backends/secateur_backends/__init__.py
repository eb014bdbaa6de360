"""First-party solver backends of secateur, registered by entry points like anybody else's."""
