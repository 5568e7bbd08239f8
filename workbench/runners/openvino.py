"""Runs a variant with OpenVINO, on the CPU: ONNX files as they are, or OpenVINO's own. Imports no torch.

OpenVINO picks bf16 by itself where the CPU has it; here the variant's settings say which precision it is.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import VariantError, first_line
from workbench.models.samples import Feed
from workbench.models.settings import check_settings
from workbench.models.variant import Variant
from workbench.runners.graph_runner import FILES, GraphRunner, Port
from workbench.runners.openvino_package import import_openvino

ov = import_openvino()

HINTS = {"fp32": "f32", "bf16": "bf16"}


class OpenvinoSession:
    """One file opened with OpenVINO.

    Args:
        model: OpenVINO's model as it was read. Its ports have the file's own names; compiled, they have several.
        compiled: The same, compiled.
    """

    def __init__(self, model: Any, compiled: Any) -> None:
        self.compiled = compiled
        self.inputs = tuple(map(_read_port, model.inputs))
        self.outputs = tuple(map(_read_port, model.outputs))
        self._places = {port.name: index for index, port in enumerate(self.outputs)}
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()  # a request refuses a second run at the same time

    def run(self, names: Sequence[str], arrays: Feed) -> Sequence[np.ndarray]:
        """See `Session.run`."""
        # OpenVINO reads the arrays' own memory: they have to be plain and writable, and to live until it is done.
        held = [arrays[port.name] for port in self.inputs]
        held = [array if array.flags.carray else np.array(array, order="C") for array in held]
        with self._lock:
            for index, array in enumerate(held):
                self._request.set_input_tensor(index, ov.Tensor(array, shared_memory=True))
            found = list(self._request.infer(share_outputs=True).to_dict().values())
            return [found[self._places[name]].copy() for name in names]


class OpenvinoRunner(GraphRunner[OpenvinoSession]):
    """An opened OpenVINO variant: one compiled model per file, compiled when it is first needed."""

    def __init__(self, variant: Variant, *, threads: int, device: str) -> None:
        if device != "cpu":
            raise ValueError(
                f"OpenVINO variants run on 'cpu' here, not on 'cuda' or 'cuda:<number>', got device={device!r}."
            )
        self.precision = read_precision(variant)
        super().__init__(variant, threads=threads, device=device)

    def find_files(self, variant: Variant) -> dict[str, Path]:
        """The variant's files: OpenVINO's own where there are such, else those of ONNX."""
        assert variant.path is not None
        found = {name: variant.path / name for name in FILES if name in variant.files}
        own = {name: name.replace(".onnx", ".xml") for name in FILES}
        return found | {name: variant.path / file for name, file in own.items() if file in variant.files}

    def open_file(self, path: Path) -> OpenvinoSession:
        """Compiles one file. See `GraphRunner.open_file`."""
        return open_session(path, threads=self.threads, precision=self.precision)


def read_precision(variant: Variant) -> str:
    """The precision in which a variant's settings want everything that is not int8; fp32 where they are silent.

    Raises:
        VariantError: They ask for one that this CPU does not have.
    """
    check_settings(variant.settings, variant.runtime)
    precision: str = variant.settings.get("inference_precision", "fp32")
    if precision == "bf16" and not has_bf16():
        raise VariantError(
            f"{variant.name} runs in bf16, which OpenVINO does not offer on this CPU (it has "
            f"{', '.join(list_capabilities())}). Take an fp32 or int8 variant here."
        )
    return precision


def has_bf16() -> bool:
    """Whether OpenVINO runs bf16 on this CPU."""
    return "BF16" in list_capabilities()


def list_capabilities() -> list[str]:
    """The number formats, and a few other things, that OpenVINO offers on this CPU."""
    capabilities: list[str] = get_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return capabilities


@functools.cache
def get_core() -> Any:
    """OpenVINO itself; one for the whole process, since each loads its plugins anew."""
    return ov.Core()


def open_session(path: Path, *, threads: int, precision: str = "fp32") -> OpenvinoSession:
    """Reads one file and compiles it for this CPU.

    OpenVINO takes no more threads than there are cores, however many are asked for.

    Raises:
        VariantError: It is missing, damaged, or OpenVINO cannot run it.
    """
    settings: dict[str, Any] = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": HINTS[precision],  # always: left open, it is bf16 where the CPU has it
        # Tied to a core, a thread waits while another process has it; and two runners' threads to the same one.
        "ENABLE_CPU_PINNING": False,
    }
    try:
        model = get_core().read_model(path)
        if any("Convolution" in operation.get_type_name() for operation in model.get_ops()):
            # What it remembers of convolutions at other sizes gives wrong sums (2026.4: wav2vec2, a longer sound).
            settings["CPU_RUNTIME_CACHE_CAPACITY"] = 0
        return OpenvinoSession(model, get_core().compile_model(model, "CPU", settings))
    except Exception as error:  # OpenVINO raises RuntimeError and what else its parts bring
        raise _explain_refusal(path, error) from error


def describe_refusal(error: BaseException) -> str:
    """The line of an error of OpenVINO's that tells what is wrong; the others say where in its code that was."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("Exception from", "Check '", "While"))]
    return (telling[-1] if telling else first_line(error))[:300]


def _explain_refusal(path: Path, error: Exception) -> VariantError:
    reason = describe_refusal(error)
    if "outside the base directory" in str(error):
        return VariantError(
            f"{path} keeps weights outside its folder ({reason}). "
            "Refused: a model file may only read what lies beside it."
        )
    return VariantError(f"OpenVINO cannot open {path}: {reason} Make the variant again.")


def _read_port(port: Any) -> Port:
    kind = port.get_element_type()
    shape = tuple(None if size.is_dynamic else size.get_length() for size in port.get_partial_shape())
    try:
        dtype = np.dtype(kind.to_dtype())
    except (RuntimeError, TypeError):  # a type that numpy lacks
        dtype = None
    return Port(port.get_any_name(), dtype, shape)
