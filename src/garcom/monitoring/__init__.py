"""Knowing when the model is wrong: quality, drift, performance, estimates, alerts and reports."""
