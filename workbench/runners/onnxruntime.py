"""Runs an ONNX variant with ONNX Runtime. Imports neither torch nor transformers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from workbench.errors import VariantError
from workbench.models.samples import Feed
from workbench.models.variant import Variant
from workbench.runners.graph_runner import DECODER as DECODER
from workbench.runners.graph_runner import ENCODER as ENCODER
from workbench.runners.graph_runner import SINGLE as SINGLE
from workbench.runners.graph_runner import WITH_PAST as WITH_PAST
from workbench.runners.graph_runner import GraphRunner, Port

NUMPY_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}


class OnnxSession:
    """One file opened with ONNX Runtime.

    Attributes:
        native: ONNX Runtime's own session.
    """

    def __init__(self, native: ort.InferenceSession, device: str) -> None:
        self.native = native
        self.inputs = tuple(map(_read_port, native.get_inputs()))
        self.outputs = tuple(map(_read_port, native.get_outputs()))
        self._device = device

    def run(self, names: Sequence[str], arrays: Feed) -> Sequence[np.ndarray]:
        """See `Session.run`."""
        if self._device == "cpu":
            outputs: Sequence[np.ndarray] = self.native.run(names, arrays)
            return outputs
        return _run_bound(self.native, arrays, names, self._device)


class OnnxRunner(GraphRunner[OnnxSession]):
    """An opened ONNX variant: one session per file, opened when it is first needed."""

    def __init__(self, variant: Variant, *, threads: int, device: str) -> None:
        self._providers = _pick_providers(device)
        super().__init__(variant, threads=threads, device=device)

    def open_file(self, path: Path) -> OnnxSession:
        """Opens one file. See `GraphRunner.open_file`."""
        options = make_options(self.variant.settings)
        session = open_session(path, threads=self.threads, providers=self._providers, options=options)
        return OnnxSession(session, self.device)

    def session(self, name: str) -> ort.InferenceSession:
        """ONNX Runtime's session of one of the variant's files."""
        return self.opened(name).native


def make_options(settings: Mapping[str, Any]) -> ort.SessionOptions:
    """ONNX Runtime's options for a variant's settings; without any they are its own.

    Example:
        >>> make_options({"arena": False}).enable_cpu_mem_arena, make_options({}).enable_cpu_mem_arena
        (False, True)
    """
    options = ort.SessionOptions()
    if "spinning" in settings:
        spinning = "1" if settings["spinning"] else "0"
        options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
        options.add_session_config_entry("session.inter_op.allow_spinning", spinning)
    if "arena" in settings:
        options.enable_cpu_mem_arena = settings["arena"]
        options.enable_mem_pattern = settings["arena"]  # it plans what lies where in the arena
    return options


def open_session(
    path: Path, *, threads: int, providers: list[Any] | None = None, options: ort.SessionOptions | None = None
) -> ort.InferenceSession:
    """Opens one ONNX file.

    Raises:
        VariantError: It is missing, damaged, or ONNX Runtime cannot run it.
    """
    options = options or ort.SessionOptions()
    options.intra_op_num_threads = threads  # ONNX Runtime would take every core of the machine, usable or not
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong comes as an exception, and is not printed besides
    try:
        return ort.InferenceSession(str(path), options, providers=providers or ["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise explain_refusal(path, error) from error


def explain_refusal(path: Path, error: Exception) -> VariantError:
    """What it means that ONNX Runtime does not open a file, or a folder of them."""
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
    if "External data path" in str(error):
        return VariantError(
            f"{path} keeps weights outside its folder ({reason}). "
            "Refused: a model file may only read what lies beside it."
        )
    return VariantError(f"ONNX Runtime cannot open {path}: {reason} Make the variant again.")


def choose_device(loaded_on: str) -> str:
    """The device of the PyTorch model where this machine and this ONNX Runtime have it, else the CPU."""
    cuda = loaded_on.startswith("cuda") and "CUDAExecutionProvider" in ort.get_available_providers()
    return loaded_on if cuda else "cpu"


def _pick_providers(device: str) -> list[Any]:
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if not re.fullmatch(r"cuda(:\d+)?", device):
        raise ValueError(f"ONNX variants run on 'cpu', 'cuda' or 'cuda:<number>', got device={device!r}.")
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        raise ValueError(
            f"device={device!r} needs ONNX Runtime with CUDA, and this one has "
            f"{', '.join(ort.get_available_providers())}. "
            "Install it: pip uninstall -y onnxruntime && pip install onnxruntime-gpu"
        )
    return [("CUDAExecutionProvider", {"device_id": int(device[5:] or 0)}), "CPUExecutionProvider"]


def _run_bound(
    session: ort.InferenceSession, feed: Feed, names: Sequence[str], device: str
) -> Sequence[np.ndarray]:
    """One run with inputs and outputs bound to the GPU, so that nothing is copied there and back in between."""
    index = int(device.partition(":")[2] or 0)
    binding = session.io_binding()
    for name, value in feed.items():
        binding.bind_ortvalue_input(
            name, ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value), "cuda", index)
        )
    for name in names:
        binding.bind_output(name, "cuda", index)
    session.run_with_iobinding(binding)
    outputs: Sequence[np.ndarray] = binding.copy_outputs_to_cpu()
    return outputs


def _read_port(item: ort.NodeArg) -> Port:
    kind = NUMPY_TYPES.get(item.type)
    shape = tuple(size if isinstance(size, int) else None for size in item.shape)
    return Port(item.name, None if kind is None else np.dtype(kind), shape)
