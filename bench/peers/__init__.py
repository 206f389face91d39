"""The other systems, each installed into its own environment and served as its own documentation shows."""
