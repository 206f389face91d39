"""A pickle behind Flask, as its tutorials show; run by gunicorn."""

import json
import os
import pickle
from pathlib import Path

from flask import Flask, jsonify, request

FOLDER = Path(os.environ["BENCH_MODEL"])
model = pickle.loads((FOLDER / "model.pkl").read_bytes())
fields = json.loads((FOLDER / "fields.json").read_text())
app = Flask(__name__)


@app.post("/predict")
def predict():
    record = request.get_json()
    row = [record[name] for name in fields]
    return jsonify({"prediction": int(model.predict([row])[0])})
