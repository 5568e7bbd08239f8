"""What variants are called on the page, and how one is told from all others whatever it is called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.compare.latency_plan import label_variants
from workbench.models.variant import Variant


def identify(variant: Variant) -> str:
    """What tells a variant from all others, also after it was renamed.

    Example:
        >>> from workbench.models.origin import Origin
        >>> identify(Variant("torch-fp32", "torch", "fp32", Origin("demo/qa", "question-answering")))
        'demo/qa  torch-fp32'
    """
    return str(variant.path or f"{variant.origin.source} {variant.origin.fingerprint} {variant.name}")


def find_again(variant: Variant, variants: Iterable[Variant]) -> Variant | None:
    """A variant as it is now, maybe under another name; None where it was deleted."""
    if variant.path is None:
        return variant
    return next((each for each in variants if each.path == variant.path), None)


def name_apart(variants: Sequence[Variant]) -> dict[str, Variant]:
    """Variants by the names that they have in tables: where several have the same one, the later get a number.

    Example:
        >>> from workbench.models.origin import Origin
        >>> twice = [Variant("torch-fp32", "torch", "fp32", Origin("demo/qa", "question-answering"))] * 2
        >>> list(name_apart(twice))
        ['torch-fp32', 'torch-fp32 (2)']
    """
    return dict(zip(label_variants(variants), variants, strict=True))
