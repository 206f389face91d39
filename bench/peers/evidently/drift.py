"""Evidently's drift preset, as its quickstart has it: ``drift.py reference.parquet current.parquet``."""

import sys

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
texts = list(reference.select_dtypes(exclude="number").columns)
numbers = [name for name in reference.columns if name not in texts]
definition = DataDefinition(numerical_columns=numbers, categorical_columns=texts)
report = Report([DataDriftPreset()])
result = report.run(
    Dataset.from_pandas(current, data_definition=definition), Dataset.from_pandas(reference, data_definition=definition)
)
print(len(result.json()))
