"""A pickle behind FastAPI with a pydantic record, as its tutorials show; run by uvicorn."""

import json
import os
import pickle
from pathlib import Path

from fastapi import FastAPI
from pydantic import BaseModel, Field, create_model

FOLDER = Path(os.environ["BENCH_MODEL"])
model = pickle.loads((FOLDER / "model.pkl").read_bytes())
names = json.loads((FOLDER / "fields.json").read_text())
Record = create_model("Record", **{f"field_{i}": (float, Field(alias=name)) for i, name in enumerate(names)})


class Answer(BaseModel):
    prediction: int


app = FastAPI()


@app.post("/predict")
async def predict(record: Record) -> Answer:
    row = list(record.model_dump().values())
    return Answer(prediction=model.predict([row])[0])
