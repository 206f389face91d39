"""Write the pickle's MLServer settings, with adaptive batching, as MLServer's documentation recommends."""

import json
import shutil
import sys
from pathlib import Path

source, target = map(Path, sys.argv[1:])
shutil.copy(source / "model.pkl", target / "model.pkl")
settings = {
    "name": "wine",
    "implementation": "mlserver_sklearn.SKLearnModel",
    "max_batch_size": 32,
    "max_batch_time": 0.005,
    "parameters": {"uri": "./model.pkl"},
}
(target / "model-settings.json").write_text(json.dumps(settings))
