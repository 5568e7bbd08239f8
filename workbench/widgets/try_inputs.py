"""What a `TryPanel` offers and takes: variants by name, samples in a list, a picture that somebody brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.background import Written
from workbench.models.free_name import find_free_name
from workbench.models.origin import Origin
from workbench.models.pictures import keep_picture
from workbench.models.variant import Variant, torch_variant
from workbench.widgets.path import find_model
from workbench.widgets.text_fields import clip, read_example, text_fields

LONGEST = 60  # letters of a sample in its list


def with_models(variants: Sequence[Variant]) -> list[Variant]:
    """The variants, and before them the PyTorch models that they were made from, where nobody brought those.

    Example:
        >>> made = Variant("onnx-int8", "onnxruntime", "int8", Origin("demo/qa", "question-answering"))
        >>> [variant.name for variant in with_models([made])]
        ['torch-fp32', 'onnx-int8']
    """
    there = {find_model(variant.origin) for variant in variants if variant.runtime == "torch"}
    missing = {
        variant.origin: variant.source for variant in variants if find_model(variant.origin) not in there
    }
    return [*(torch_variant(origin, source=source) for origin, source in missing.items()), *variants]


def name_variants(variants: Sequence[Variant]) -> dict[str, Variant]:
    """Variants by names that tell them apart.

    Example:
        >>> pair = [torch_variant(Origin(name, "question-answering")) for name in ("demo/qa", "org/other")]
        >>> list(name_variants(pair))
        ['torch-fp32 of demo/qa', 'torch-fp32 of org/other']
    """
    several = len({variant.origin.source for variant in variants}) > 1
    found: dict[str, Variant] = {}
    for variant in dict.fromkeys(variants):
        plain = f"{variant.name} of {variant.origin.source}" if several else variant.name
        found[find_free_name(plain, found)] = variant
    return found


def list_samples(samples: Sequence[Any]) -> list[tuple[str, int | None]]:
    """The options of a list of samples.

    Example:
        >>> list_samples(["A fine day.", {"question": "Who?", "context": "Ines."}])
        [('your own', None), ('1: A fine day.', 0), ('2: Who?', 1)]
    """
    return [
        ("your own", None),
        *((f"{place + 1}: {_label(each)}", place) for place, each in enumerate(samples)),
    ]


def _label(sample: Any) -> str:
    text = sample.get("question") if isinstance(sample, dict) else sample
    if not isinstance(text, str):
        return "a picture" if hasattr(sample, "thumbnail") else "a sample"
    return clip(text, LONGEST)


def same_samples(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Whether two lists hold the same texts or pictures."""
    if len(left) != len(right):
        return False
    pairs = zip(left, right, strict=True)
    return all(a is b or (not hasattr(a, "shape") and a == b) for a, b in pairs)  # sounds are arrays


def write_texts(variant: Variant, typed: Mapping[str, str]) -> Any:
    """What was typed, in the form that a variant's task takes it.

    Raises:
        ValueError: A field of it is empty.

    Example:
        >>> made = Variant("onnx-int8", "onnxruntime", "int8", Origin("demo/qa", "question-answering"))
        >>> write_texts(made, {"question": "Who?", "context": "Ines.", "text": ""})
        {'question': 'Who?', 'context': 'Ines.'}
    """
    fields = text_fields(variant)
    empty = [title.lower() for name, title in fields if not typed[name].strip()]
    if empty:
        raise ValueError(f"Type a {' and a '.join(empty)} first.")
    return read_example({name: typed[name] for name, _ in fields})


def write_sample(sample: Any, number: int, origin: Origin, subjects: Sequence[Variant]) -> Written:
    """A sample that has no text, with the code that takes it from its source.

    Args:
        sample: The sample.
        number: Its place among the source's examples.
        origin: The source.
        subjects: What it is given to; PyTorch's models among them stand in the code as `source`.
    """
    loaded = [each.origin for each in subjects if each.runtime == "torch"]
    if loaded and loaded[0] == origin:
        return Written(sample, f"source.examples[{number}]")
    load = torch_variant(origin).as_code().splitlines()[2].removeprefix("source = ")
    return Written(sample, f"examples[{number}]", (f"examples = {load}.examples",))


class PictureShelf:
    """Keeps the picture that was brought last, so that it is not written anew on every look at it."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[str, bytes, str], Path] | None = None

    def write(self, uploads: Sequence[Any], mode: str) -> Written:
        """The picture that was brought, with the code that opens it.

        Args:
            uploads: The value of a `FileUpload`.
            mode: "RGB" or "L".

        Raises:
            ValueError: There is none, it cannot be read, or it cannot be kept.
        """
        from PIL import Image

        if not uploads:
            raise ValueError("Choose an example, or upload one of your own.")
        key = (str(uploads[-1]["name"]), bytes(uploads[-1]["content"]), mode)
        try:
            if self._kept is None or self._kept[0] != key or not self._kept[1].is_file():
                self._kept = (key, keep_picture(key[1], key[0], mode=mode))
            path = self._kept[1]
            with Image.open(path) as opened:
                picture = opened.copy()
        except OSError as error:
            raise ValueError(
                f"The picture cannot be kept in the workspace: {error}. Set WORKBENCH_HOME to a folder of yours."
            ) from error
        return Written(picture, f"Image.open({str(path)!r})", ("from PIL import Image",))
