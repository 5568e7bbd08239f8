"""Runs variants: one module a runtime, the same three members on each.

`open_runner` and everything that it imports for a variant on disk work without torch and transformers installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.machine import usable_cores
from workbench.models.settings import check_number, check_settings, limit_threads
from workbench.models.variant import Variant, resolve_variant

if TYPE_CHECKING:
    from workbench.models.source import Source
    from workbench.runners.protocol import Runner


def open_runner(
    variant: Variant | Source | str | Path, *, threads: int | None = None, device: str | None = None
) -> Runner:
    """Opens a variant, ready to run.

    Args:
        variant: A variant, a source (its PyTorch model), or a variant's folder.
        threads: How many threads one call may use; None takes the cores that this process may really use. A variant
            that was set to fewer (`set_session`) takes no more than those.
        device: "cpu" or "cuda" (also "cuda:1"); None takes the one that the model was loaded on, else the CPU.

    Returns:
        A runner: `input_names`, `output_names` and `run(feed)`; also a context manager.

    Raises:
        VariantError: The variant's files cannot be opened.
        ImportError: The variant's runtime is not installed; the message says how to get it.
        ValueError: The number of threads or the device makes no sense here.

    Example:
        >>> with open_runner(load_model("random/tiny-bert"), threads=1) as runner:
        ...     sorted(runner.run(runner.variant.samples()[0]))
        ['end_logits', 'start_logits']
    """
    variant = resolve_variant(variant)
    check_number("threads", threads, whole=True)
    check_settings(variant.settings, variant.runtime)
    threads = limit_threads(variant.settings, threads or usable_cores())
    if variant.runtime == "torch":
        from workbench.runners.torch import TorchRunner

        return TorchRunner(variant, threads=threads, device=device or variant.origin.device)
    if variant.runtime == "onnxruntime":
        from workbench.runners.onnxruntime import OnnxRunner, choose_device

        return OnnxRunner(variant, threads=threads, device=device or choose_device(variant.origin.device))
    if variant.runtime == "openvino":
        from workbench.runners.openvino import OpenvinoRunner

        return OpenvinoRunner(variant, threads=threads, device=device or "cpu")
    raise ValueError(
        f"No runner for the runtime {variant.runtime!r} of {variant.name}. Known: torch, onnxruntime, openvino."
    )
