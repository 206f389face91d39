"""Write the pickle as an MLflow model with a signature, as MLflow's documentation recommends."""

import json
import pickle
import sys
from pathlib import Path

import mlflow
import pandas as pd

source, target = map(Path, sys.argv[1:])
model = pickle.loads((source / "model.pkl").read_bytes())
fields = json.loads((source / "fields.json").read_text())
X = pd.read_csv(source / "data.csv", nrows=100)[fields].astype("float64")
signature = mlflow.models.infer_signature(X, model.predict(X.to_numpy()))
mlflow.sklearn.save_model(model, target / "model", signature=signature, serialization_format="cloudpickle")
