"""Detectors of change in a stream of numbers, such as errors: they take one value at a time and keep few of them."""
