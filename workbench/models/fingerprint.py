"""A model's fingerprint: one hash over its config and every byte of its weights.

Two models with the same fingerprint give the same variants, so the workspace may answer from its cache.
"""

from __future__ import annotations

import hashlib
import json
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from workbench.machine import usable_cores

if TYPE_CHECKING:
    import torch

# What a config says about its own file, or about how a call answers, rather than about the model. Exporters and
# pipelines set some of these on the way, and the model stays the same.
_NOT_THE_MODEL = {
    "_name_or_path",
    "_commit_hash",
    "architectures",
    "dtype",
    "return_dict",
    "torch_dtype",
    "torchscript",
    "transformers_version",
    "use_cache",
}


# A model -> its marks when its weights were read last, and the fingerprint that it had then.
_last_read: weakref.WeakKeyDictionary[torch.nn.Module, tuple[object, str]] = weakref.WeakKeyDictionary()


def fingerprint_model(model: torch.nn.Module) -> str:
    """The hash of a model's config and weights, dtype included, as they are in memory now.

    Nothing is taken from an earlier call: an edit through `parameter.data` leaves no mark that could be
    checked more cheaply than by reading the weights (half a second for 125 million parameters).
    """
    marks = _list_marks(model)
    fingerprint = _read_model(model)
    _last_read[model] = marks, fingerprint
    return fingerprint


def glance_at_model(model: torch.nn.Module) -> str:
    """The fingerprint that it had when its weights were read last; they are read again where a mark says so.

    Quick, for where the answer is shown while somebody types. What was done through `parameter.data` since the last
    reading is not seen: where the answer decides something, take `fingerprint_model`.
    """
    marks, fingerprint = _last_read.get(model, (None, ""))
    return fingerprint if marks == _list_marks(model) else fingerprint_model(model)


def _list_marks(model: torch.nn.Module) -> object:
    """What changes with nearly every edit: PyTorch counts the changes of each tensor, but for those through `.data`."""
    tensors = model.state_dict().items()
    return _describe_model(model), [
        (name, tensor.dtype, tensor.shape, tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version)
        for name, tensor in tensors
    ]


def _read_model(model: torch.nn.Module) -> str:
    tensors = list(model.state_dict().items())
    keys = [
        (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
        for _, tensor in tensors
    ]
    distinct = {
        key: tensor for key, (_, tensor) in zip(keys, tensors, strict=True)
    }  # tied weights: read once
    with ThreadPoolExecutor(usable_cores()) as pool:
        hashes = dict(zip(distinct, pool.map(_hash_tensor, distinct.values()), strict=True))
    total = hashlib.sha256(_describe_model(model).encode())
    for key, (name, tensor) in sorted(zip(keys, tensors, strict=True), key=lambda row: row[1][0]):
        total.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)} {hashes[key]}".encode())
    return total.hexdigest()


def _describe_model(model: torch.nn.Module) -> str:
    """Its config and its modules: another activation has no weights that could tell."""
    return _describe_config(getattr(model, "config", None)) + repr(model)


def _hash_tensor(tensor: torch.Tensor) -> str:
    import torch

    if tensor.device.type == "meta":  # offloaded: its bytes are not in memory
        return "meta"
    plain = tensor.detach().cpu().contiguous().reshape(-1)
    return hashlib.sha256(
        plain.view(torch.uint8).numpy()
    ).hexdigest()  # no copy, and numpy need not know bfloat16


def _describe_config(config: Any) -> str:
    if config is None:
        return ""
    from transformers import GenerationConfig

    # Settings of generation move from the config to a file of their own when a model is saved.
    moving = {name for name in GenerationConfig().to_dict() if not name.endswith("_token_id")}
    return json.dumps(_strip(config.to_dict(), _NOT_THE_MODEL | moving), sort_keys=True, default=str)


def _strip(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {str(key): _strip(entry, names) for key, entry in value.items() if key not in names}
    return [_strip(entry, names) for entry in value] if isinstance(value, list | tuple) else value
