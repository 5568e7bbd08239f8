"""Reads what the modules of a PyTorch model give: as it runs by itself, and as it runs on what another one computed."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.models.samples import Feed
from workbench.models.variant import Variant, torch_variant
from workbench.runners import open_runner
from workbench.runners.torch_int8 import int8_names

if TYPE_CHECKING:
    import torch

# A module's name, the first tensor that it gives, and what else it gives.
Listener = Callable[[str, "torch.Tensor", Sequence[Any]], Any]


@dataclasses.dataclass(frozen=True)
class Calls:
    """What one run of a model called.

    Attributes:
        groups: In the order of the calls, the modules that give the same tensor, the innermost first. Modules
            that were called more than once are in none.
        shapes: The shape of what each of these modules gives.
        repeated: Modules that were called more than once.
        several: Modules that give several tensors of one shape, such as the sine and the cosine of positions. No
            graph says which of its tensors is which of them.
    """

    groups: tuple[tuple[str, ...], ...]
    shapes: Mapping[str, tuple[int, ...]]
    repeated: tuple[str, ...]
    several: frozenset[str]


class TorchSide:
    """A PyTorch variant whose modules can be listened to.

    Attributes:
        variant: The variant.
        model: Its model, and
        plain: the one that this was made from: the same modules, before any was quantized.
    """

    def __init__(self, variant: Variant) -> None:
        from workbench.runners.torch import open_source, prepare_model

        if variant.compiled:
            raise ValueError(
                f"{variant.name} is compiled, and a compiled model has no modules to listen to. "
                f"Compare source.as_variant({variant.precision!r}) instead."
            )
        source = open_source(variant)
        self.plain: Any = source.model
        model = prepare_model(source, variant)
        if model is not source.model:
            source = dataclasses.replace(source, model=model)
        self.variant = torch_variant(variant.origin, source=source, precision=variant.precision)
        self.model: Any = model
        self._runner = open_runner(self.variant)

    @property
    def module_names(self) -> dict[str, str]:
        """Every path that leads to a module, with the one that the module is known by."""
        known: dict[int, str] = {}
        return {
            name: known.setdefault(id(module), name)
            for name, module in self.model.named_modules(remove_duplicate=False)
            if name
        }

    @property
    def int8_names(self) -> frozenset[str]:
        """The modules that compute with PyTorch's own int8."""
        return int8_names(self.model)

    def describe(self, feed: Feed) -> Calls:
        """Runs once and notes which modules give which tensor."""
        counts: dict[str, int] = {}
        shapes: dict[str, tuple[int, ...]] = {}
        groups: list[list[str]] = []
        several: set[str] = set()
        last: list[Any] = [None]

        def note(name: str, tensor: torch.Tensor, others: Sequence[Any]) -> None:
            if any(getattr(other, "shape", None) == tensor.shape for other in others):
                several.add(name)
            counts[name] = counts.get(name, 0) + 1
            shapes[name] = tuple(tensor.shape)
            # What a container gives is mostly the very tensor that its last part gave just before.
            if tensor is last[0]:
                groups[-1].append(name)
            else:
                groups.append([name])
            last[0] = tensor

        with listen(self.model, dict.fromkeys(self._names(), note)):
            self._runner.run(feed)
        last[0] = None
        repeated = tuple(name for name, count in counts.items() if count > 1)
        kept = (tuple(dict.fromkeys(name for name in group if counts[name] == 1)) for group in groups)
        return Calls(tuple(group for group in kept if group), shapes, repeated, frozenset(several))

    def run_free(self, feed: Feed, names: Sequence[str]) -> dict[str, np.ndarray]:
        """What the modules give for a sample."""
        found: dict[str, np.ndarray] = {}

        def keep(name: str, tensor: torch.Tensor, _: Sequence[Any]) -> None:
            found[name] = _copy(tensor)

        with listen(self.model, dict.fromkeys(names, keep)):
            self._runner.run(feed)
        return found

    def run_forced(
        self, feed: Feed, names: Sequence[str], given: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """What the modules give when everything in front of them gave what is given instead."""
        import torch

        found: dict[str, np.ndarray] = {}

        def replace(name: str, tensor: torch.Tensor, _: Sequence[Any]) -> torch.Tensor:
            if name in names:
                found[name] = _copy(tensor)
            # A copy, as a module further on may write into what it is given.
            return torch.tensor(given[name], dtype=tensor.dtype, device=tensor.device)

        with listen(self.model, dict.fromkeys(given, replace)):
            self._runner.run(feed)
        return found

    def close(self) -> None:
        """Frees the runner; the source's own model stays."""
        self._runner.close()

    def _names(self) -> list[str]:
        return [name for name, _ in self.model.named_modules() if name]


@contextlib.contextmanager
def listen(model: Any, listeners: Mapping[str, Listener]) -> Iterator[None]:
    """Calls a listener with what each module gives; what it returns takes the tensor's place."""
    handles = []
    try:
        for name, listener in listeners.items():
            hook = _make_hook(name, listener)
            handles.append(model.get_submodule(name).register_forward_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _make_hook(name: str, listener: Listener) -> Callable[[Any, Any, Any], Any]:
    def hook(_: Any, __: Any, output: Any) -> Any:
        import torch

        whole = tuple(output.values()) if isinstance(output, Mapping) else output
        given = tuple(whole) if isinstance(whole, tuple | list) else (whole,)
        first = given[0] if given else None
        if not isinstance(first, torch.Tensor) or not first.is_floating_point():
            return None
        instead = listener(name, first, given[1:])
        if instead is None or isinstance(output, Mapping):
            return None
        return (instead, *output[1:]) if isinstance(output, tuple | list) else instead

    return hook


def _copy(tensor: torch.Tensor) -> np.ndarray:
    """A copy of its own: a module further on may write into the tensor."""
    return np.array(tensor.detach().float().cpu().numpy(), copy=True)
