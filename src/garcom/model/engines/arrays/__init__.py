"""The arrays engine: a model as a small program of array operations, run with numpy and ONNX Runtime's trees."""

from garcom.model.engines.arrays.executor import ArraysEngine, load
from garcom.model.engines.arrays.program import Program, Step

__all__ = ["ArraysEngine", "Program", "Step", "load"]
