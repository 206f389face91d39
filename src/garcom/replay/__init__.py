"""Logged inputs through a candidate version, off the serving path: what would change if it answered."""
