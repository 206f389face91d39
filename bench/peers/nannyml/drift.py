"""NannyML's univariate drift with three methods, in ten chunks: ``drift.py reference.parquet current.parquet``."""

import os
import sys

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import nannyml
import pandas as pd

reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
calculator = nannyml.UnivariateDriftCalculator(
    column_names=list(reference.columns),
    continuous_methods=["kolmogorov_smirnov", "jensen_shannon", "wasserstein"],
    categorical_methods=["jensen_shannon"],
    chunk_size=len(current) // 10,
)
calculator.fit(reference)
print(len(calculator.calculate(current).to_df()))
