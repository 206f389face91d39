"""Garçom."""
