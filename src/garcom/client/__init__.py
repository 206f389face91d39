"""The Python client: ``from garcom import Client``.

.. code-block:: python

    with Client("http://127.0.0.1:8000") as client:
        client.predict({"pH": 3.1, "alcohol": 8.8}).prediction  # 'ruim'
        client.predict(frame)                                   # a DataFrame with the same index
"""

from __future__ import annotations

from garcom.client.client import Client
from garcom.client.records import ModelDetails, ModelSummary, Prediction, VersionDetails
from garcom.errors import PredictionFailed, Rejected, ServerUnavailable

__all__ = [
    "Client",
    "ModelDetails",
    "ModelSummary",
    "Prediction",
    "PredictionFailed",
    "Rejected",
    "ServerUnavailable",
    "VersionDetails",
]
