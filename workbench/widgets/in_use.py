"""What a call that is being done works with: none of it may go meanwhile."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.background import Call
from workbench.models.variant import Variant
from workbench.widgets.names import identify

MAKES_OTHERS = ("race_variants",)  # of the same model, and builds on those that there are


def is_needed(variant: Variant, call: Call, known: Iterable[Variant]) -> bool:
    """Whether a call needs a variant: what it was given, what that was made from, or all that a race may build on.

    Args:
        variant: The variant.
        call: What is being done.
        known: The variants that there are.

    Example:
        >>> from workbench.models.origin import Origin
        >>> exported = Variant("onnx-fp32", "onnxruntime", "fp32", Origin("demo/qa", "question-answering"))
        >>> is_needed(exported, Call("race_variants", (exported.parent,)), [exported])
        True
        >>> is_needed(exported, Call("export_onnx", (exported.parent,)), [exported])
        False
    """
    if call.verb in MAKES_OTHERS:
        # Whatever its fingerprint: a model that was changed in memory has another one than it was loaded with.
        models = {(each.origin.source, each.origin.task) for each in call.subjects}
        return (variant.origin.source, variant.origin.task) in models
    parents = {each.path: each.parent_path for each in known if each.path is not None}
    for subject in call.subjects:
        if identify(variant) == identify(subject):
            return True
        path = subject.parent_path
        while path is not None:
            if path == variant.path:
                return True
            path = parents.pop(path, None)
    return False
