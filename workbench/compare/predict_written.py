"""Predictions of encoder-decoders: texts written token by token, by the pipeline that is also shipped."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from workbench.compare.engine import Progress, read_batch_size
from workbench.compare.forms import Record
from workbench.compare.logits import refuse_nan
from workbench.compare.predict_media import read_sound
from workbench.models.samples import SAMPLING_RATE
from workbench.models.variant import Variant

LONGEST_REPLY = 128


def write_texts(
    variant: Variant,
    records: Sequence[Record],
    progress: Progress | None = None,
    *,
    threads: int | None = None,
    batch_size: int | None = None,
) -> list[str]:
    """What an encoder-decoder writes for each text or recording, always taking the likeliest token.

    Texts go through in batches of about the same length, short ones first.

    Raises:
        ValueError: `batch_size` or `threads` makes no sense.
        VariantError: The scores of a token are no number.
    """
    batch_size = read_batch_size(batch_size)
    pipelines = importlib.import_module("workbench.runners.pipeline")
    pipe: Any = pipelines.make_pipeline(variant, threads=threads)
    speech = variant.task == "automatic-speech-recognition"
    watch = _Watch(variant.name)
    order = list(range(len(records)))
    if not speech:
        order.sort(key=lambda place: len(pipe.tokenizer(records[place]["text"])["input_ids"]))
    written = [""] * len(records)
    for start in range(0, len(order), batch_size):
        watch.places = order[start : start + batch_size]
        options: dict[str, Any] = {"do_sample": False, "num_beams": 1, "logits_processor": [watch]}
        given: list[Any]
        if speech:
            given = [
                {"raw": read_sound(records[place]["audio"]), "sampling_rate": SAMPLING_RATE}
                for place in watch.places
            ]
            replies = pipe(given, batch_size=len(given), generate_kwargs=options)
        else:
            given = [records[place]["text"] for place in watch.places]
            replies = pipe(given, batch_size=len(given), max_new_tokens=LONGEST_REPLY, **options)
        for place, reply in zip(watch.places, replies, strict=True):
            written[place] = str(reply["text" if speech else "generated_text"])
        if progress:
            progress(min(start + batch_size, len(order)), len(order))
    return written


class _Watch:
    """Looks at the scores of every token on their way to the choice, as one of `generate`'s processors."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.places: Sequence[int] = ()

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        rows = scores.detach().float().cpu().numpy()
        known = len(rows) == len(self.places)  # a long recording is cut, and its parts go through apart
        for row, values in enumerate(rows):
            which = f"example {self.places[row]}" if known else f"one of the examples {list(self.places)}"
            refuse_nan({"logits": values}, self.name, which)
        return scores
