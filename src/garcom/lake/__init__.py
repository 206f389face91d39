"""The lake: Delta tables of predictions and of what really happened, datasets, and erasure."""
