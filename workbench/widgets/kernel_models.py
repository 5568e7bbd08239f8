"""`KernelModels`: the PyTorch models that a workbench has in the kernel, no more of them than it must."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.models.variant import Variant
from workbench.widgets.path import find_model

if TYPE_CHECKING:
    from workbench.models.source import Source


class KernelModels:
    """Loads the model of the variant in hand. The one before goes, unless it cannot be had again.

    Example:
        >>> models = KernelModels()
        >>> source = load_model("random/tiny-bert")
        >>> models.keep(source)
        >>> models.find(export_onnx(source)) is source
        True
    """

    def __init__(self) -> None:
        self._own: dict[Variant, Source] = {}  # given, or changed here: loading would give another one
        self._loaded: tuple[Variant, Source] | None = None

    def keep(self, source: Source) -> None:
        """Keeps a model for good."""
        self._own[find_model(source.origin)] = source

    def find(self, variant: Variant) -> Source:
        """The model that a variant was made of; it is loaded where it is not here.

        Raises:
            VariantError: What is there now is another model.
        """
        model = find_model(variant.origin)
        if self._loaded is not None and self._loaded[0] != model:
            (_, before), self._loaded = self._loaded, None
            if before.fingerprint() != before.origin.fingerprint:
                self.keep(before)
            del before  # else two models were here while the next is loaded
        if self._loaded is not None:
            return self._loaded[1]
        if model in self._own:
            return self._own[model]
        # One that was changed in memory is the model of what was made of it, too.
        for known in self._own.values():
            if known.fingerprint() == model.origin.fingerprint:
                return known
        from workbench.runners.torch import open_source

        print(f"Loading {model.origin.source} into this kernel …")
        self._loaded = (model, open_source(model))
        return self._loaded[1]
