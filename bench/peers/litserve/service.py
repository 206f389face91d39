"""A pickle as a LitServe service; BENCH_BATCHING=1 turns its batching on."""

import json
import os
import pickle
from pathlib import Path

import litserve as ls

FOLDER = Path(os.environ["BENCH_MODEL"])
BATCHING = os.environ.get("BENCH_BATCHING") == "1"


class Wine(ls.LitAPI):
    def setup(self, device):
        self.model = pickle.loads((FOLDER / "model.pkl").read_bytes())
        self.fields = json.loads((FOLDER / "fields.json").read_text())

    def decode_request(self, request):
        return [request[name] for name in self.fields]

    def batch(self, inputs):
        return list(inputs)

    def predict(self, rows):
        return self.model.predict(rows if BATCHING else [rows])

    def unbatch(self, output):
        return output.tolist()

    def encode_response(self, output):
        return {"prediction": int(output if BATCHING else output[0])}


if __name__ == "__main__":
    api = Wine(max_batch_size=32, batch_timeout=0.005) if BATCHING else Wine()
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), generate_client_file=False, log_level="warning")
