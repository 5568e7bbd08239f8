"""Runs a PyTorch variant: fp32, bf16, fp16 or int8, eager or compiled."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import VariantError
from workbench.models.devices import read_device, torch_dtype
from workbench.models.samples import Feed
from workbench.models.variant import Variant
from workbench.runners.compiled import CompiledModel
from workbench.runners.protocol import pick_inputs, require_open
from workbench.runners.torch_int8 import copy_as_int8, int8_names, make_int8

if TYPE_CHECKING:
    import torch

    from workbench.models.source import Source


class TorchRunner:
    """An opened PyTorch variant; the model of its source is used where the precision allows, never changed."""

    def __init__(self, variant: Variant, *, threads: int, device: str) -> None:
        self.variant = variant
        self.threads = threads
        self.device = device
        model = prepare_model(open_source(variant, device), variant, device)
        self._plain: Any = model
        self._model: Any = CompiledModel(model, variant.name) if variant.compiled else model
        self._accepted = tuple(inspect.signature(model.forward).parameters)
        self._options: dict[str, Any] = {"return_dict": True}
        if variant.task_row.generates and "use_cache" in self._accepted:
            self._options["use_cache"] = False
        sample = variant.samples()
        self._inputs = tuple(name for name in (sample[0] if sample else ()) if name in self._accepted)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The inputs that `run` needs."""
        return self._inputs

    @property
    def output_names(self) -> tuple[str, ...]:
        """The outputs that `run` gives: the heads of the task."""
        return self.variant.task_row.outputs

    def run(self, feed: Mapping[str, np.ndarray]) -> Feed:
        """Runs once; results are numpy arrays, floats in fp32."""
        import torch

        require_open(self._model is not None, self.variant.name)
        wanted = self._inputs or tuple(name for name in feed if name in self._accepted)
        arrays = pick_inputs(feed, wanted, self.variant.name)
        model = self._plain
        inputs = {}
        for name, array in arrays.items():
            tensor = torch.from_numpy(np.require(array, requirements=("C", "W"))).to(model.device)
            inputs[name] = tensor.to(model.dtype) if tensor.is_floating_point() else tensor
        before = torch.get_num_threads()
        if before != self.threads:
            torch.set_num_threads(self.threads)
        try:
            with torch.inference_mode(not self.variant.compiled), torch.no_grad():
                outputs = self._model(**inputs, **self._options)
        finally:
            if before != self.threads:
                torch.set_num_threads(before)
        return {name: _to_numpy(outputs[name]) for name in self.output_names if name in outputs}

    def close(self) -> None:
        """Frees the model, where it is not the source's own."""
        self._model = self._plain = None

    def __enter__(self) -> TorchRunner:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_source(variant: Variant, device: str | None = None) -> Source:
    """The source of a PyTorch variant: the one in memory, else loaded again from where it came.

    Raises:
        VariantError: What is there now is another model, or one that brings code of its own. Whether that may
            run is not for a folder's manifest to say.
    """
    if variant.source is not None:
        return variant.source
    from workbench.models.source import load_model

    origin = variant.origin
    if origin.trust_remote_code:
        raise VariantError(
            f"{origin.source!r} brings code of its own, which runs only when you ask for it: "
            f"load it with load_model({origin.source!r}, trust_remote_code=True) and pass what comes back."
        )
    source = load_model(
        origin.source,
        task=origin.task,
        dtype=origin.dtype,
        device=device or origin.device,
        revision=origin.revision,
    )
    if origin.fingerprint and source.origin.fingerprint != origin.fingerprint:
        raise VariantError(
            f"{origin.source!r} is not the model any more that {variant.name} was made from: it changed since, or had "
            "been edited in memory. Load or edit it again, and pass the Source itself."
        )
    return source


def prepare_model(source: Source, variant: Variant, device: str | None = None) -> torch.nn.Module:
    """The source's model in the variant's precision and place: itself where nothing changes, else a copy.

    Raises:
        ConvertError: This PyTorch cannot make it int8.
        ValueError: int8 was asked for on another device than the CPU.
    """
    import torch

    model = source.model
    target = torch.device(read_device(device)) if device and device != "auto" else model.device
    if variant.precision == "int8":
        if target.type != "cpu":
            raise ValueError(f"{variant.name} runs on the CPU alone, got device={device!r}.")
        return model if int8_names(model) else copy_as_int8(model)
    dtype = torch_dtype(variant.precision)
    there = model.device.type == target.type and target.index in (None, model.device.index)
    if model.dtype == dtype and there:
        return model
    return copy.deepcopy(model).to(dtype=dtype, device=target)


def convert_model(model: torch.nn.Module, precision: str) -> None:
    """Brings a model that nobody else holds into another precision, in place: no second copy stands beside it."""
    if precision == "int8":
        make_int8(model)
    else:
        model.to(dtype=torch_dtype(precision))


def _to_numpy(tensor: torch.Tensor) -> np.ndarray:
    tensor = tensor.detach().to("cpu")
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
