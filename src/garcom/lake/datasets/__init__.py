"""Datasets: named, numbered and immutable tables, made from files or from predictions; what training reads."""

from garcom.lake.datasets.catalogue import Datasets
from garcom.lake.datasets.records import DatasetVersion, Difference

__all__ = ["DatasetVersion", "Datasets", "Difference"]
