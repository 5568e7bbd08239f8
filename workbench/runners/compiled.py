"""A PyTorch model compiled for the CPU or GPU with its weights frozen in, which is what makes bf16 pay on a CPU."""

from __future__ import annotations

import logging
from typing import Any

from workbench.errors import ConvertError
from workbench.quiet import quiet

log = logging.getLogger(__name__)


class CompiledModel:
    """A model that is compiled anew for every shape of its inputs that it has not met.

    Frozen weights are packed once, in the order in which the CPU's matrix units read them. A change to the model
    after that does not reach what was compiled.

    Args:
        model: The model, which is not changed.
        name: The variant's name, for messages.

    Raises:
        ConvertError: There is no C++ compiler.
    """

    def __init__(self, model: Any, name: str) -> None:
        import torch

        missing = find_missing(model.device.type)  # where the model is, whatever else this machine has
        if missing is not None:
            raise ConvertError(f"{name} {missing}.")
        self._name = name
        with quiet():
            self._compiled = torch.compile(model, dynamic=False)
        self._met: set[tuple[Any, ...]] = set()

    def __call__(self, **inputs: Any) -> Any:
        kind = tuple((name, getattr(value, "shape", value)) for name, value in inputs.items())
        return self._compiled(**inputs) if kind in self._met else self._meet(kind, inputs)

    def _meet(self, kind: tuple[Any, ...], inputs: dict[str, Any]) -> Any:
        """Runs at a shape for the first time."""
        import torch

        with quiet():
            import torch._dynamo.config as dynamo
            import torch._inductor.config as inductor

        if len(self._met) == dynamo.recompile_limit:
            log.warning(
                "%s is compiled for %s now, and PyTorch compiles for no more: at others it runs as slowly as it "
                "would uncompiled. Give inputs of fewer shapes, such as lengths padded to a few.",
                self._name,
                "1 shape" if len(self._met) == 1 else f"{len(self._met)} shapes",
            )
        # Given to `torch.compile` as an option it comes too late: the weights are taken up as inputs before
        # anybody looks at the options, and inputs cannot be frozen. And only without gradients.
        with quiet(), inductor.patch(freezing=True), torch.no_grad():
            outputs = self._compiled(**inputs)
        self._met.add(kind)
        return outputs


def find_missing(device: str) -> str | None:
    """What `torch.compile` lacks for a model on this device, and what to do; it makes C++ for a CPU.

    Example:
        >>> find_missing("cuda") is None
        True
    """
    if device != "cpu":
        return None
    from torch._inductor.cpp_builder import get_cpp_compiler

    try:
        with quiet():
            get_cpp_compiler()
    except Exception:  # PyTorch's own classes for it change from release to release
        return "needs a C++ compiler, and none was found: install g++ or clang"
    return None
