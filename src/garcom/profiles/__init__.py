"""Mergeable profiles of rows: what monitoring knows of a window without looking at its rows again."""
