"""`Source` and `load_model`: a trained PyTorch model with all that is needed to try it, wherever it comes from."""

from __future__ import annotations

import dataclasses
import html
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.models.architectures import PREFIX
from workbench.models.demo_data import demo_examples
from workbench.models.devices import BYTES, place_model, read_device, read_dtype
from workbench.models.linear import check_int8, size_as_int8
from workbench.models.origin import Origin
from workbench.models.samples import Feed, make_feed, sample_examples
from workbench.models.tasks import Task, find_task
from workbench.models.variant import Variant, torch_variant
from workbench.quiet import quiet

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Source:
    """A loaded PyTorch model with its processor, its task and real sample inputs.

    Attributes:
        model: The model, in eval mode, without gradients.
        processor: Its tokenizer, image processor or processor; None where it came without.
        origin: Where it came from, with the fingerprint it had when it was loaded.
        examples: What a person would give it: texts, images, sounds.
        samples: The same as the model takes it: dicts of numpy arrays of one row each.

    Example:
        >>> source = load_model("random/tiny-bert")
        >>> source.task
        'question-answering'
        >>> source.baseline.name
        'torch-fp32'
    """

    model: PreTrainedModel
    processor: Any
    origin: Origin
    examples: list[Any] = dataclasses.field(repr=False)
    samples: list[Feed] = dataclasses.field(repr=False)

    @property
    def task(self) -> str:
        """The task's name, such as "question-answering"."""
        return self.origin.task

    @property
    def task_row(self) -> Task:
        """The task's row in the table of tasks."""
        return find_task(self.origin.task, encoder_decoder=self.origin.encoder_decoder)

    @property
    def baseline(self) -> Variant:
        """The model as it was loaded, as a variant: what the others are compared with."""
        return torch_variant(self.origin, source=self)

    def as_variant(self, precision: str | None = None, compiled: bool = False) -> Variant:
        """The model as a PyTorch variant in another precision, or compiled. The model itself is not changed.

        Args:
            precision: "fp32", "bf16" or "fp16"; "int8" is PyTorch's own dynamic quantization of the Linear layers,
                from fp32 weights on the CPU. None takes the precision it was loaded in.
            compiled: Whether it runs through `torch.compile`, with its weights frozen in. Every new shape of its
                inputs is compiled anew, which takes seconds to minutes.

        Raises:
            ValueError: There is no such precision, or int8 cannot be had of this model or in this way.
            ConvertError: The model has no layer that PyTorch could make int8.

        Example:
            >>> load_model("random/tiny-bert").as_variant("bf16").name
            'torch-bf16'
        """
        if precision == "int8":
            check_int8(self, compiled)
            return torch_variant(self.origin, source=self, precision="int8")
        chosen = read_dtype(precision, also=("int8",)) if precision is not None else None
        return torch_variant(self.origin, source=self, precision=chosen, compiled=compiled)

    def fingerprint(self) -> str:
        """The hash of config and weights as they are now; differs from `origin.fingerprint` after an edit."""
        from workbench.models.fingerprint import fingerprint_model

        return fingerprint_model(self.model)

    @property
    def parameters(self) -> int:
        """How many parameters the model has; tied ones count once."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def size_bytes(self) -> int:
        """The bytes of the weights in memory."""
        return sum(weight.numel() * weight.element_size() for weight in self.model.parameters())

    def size_in(self, precision: str) -> int:
        """The bytes that the weights take in another precision.

        Example:
            >>> source = load_model("random/tiny-bert")
            >>> source.size_in("bf16") / source.size_bytes
            0.5
        """
        if precision == "int8":
            return size_as_int8(self.model)
        return self.size_bytes * BYTES[precision] // BYTES[self.origin.dtype]

    def __str__(self) -> str:
        size = (
            f"{self.parameters / 1e6:,.1f} M parameters, {self.size_bytes / 1e6:,.1f} MB {self.origin.dtype}"
        )
        note = " [random weights: quality figures mean nothing]" if self.origin.random else ""
        return f"{self.origin.source}: {type(self.model).__name__} for {self.task} ({size}){note}"

    def __repr__(self) -> str:
        return str(self)  # not the model's own, which fills a screen

    def _repr_html_(self) -> str:
        rows = {
            "task": self.task,
            "architecture": type(self.model).__name__,
            "parameters": f"{self.parameters:,}",
            "size": f"{self.size_bytes / 1e6:,.1f} MB ({self.origin.dtype})",
            "origin": self.origin.source + (f" @ {self.origin.revision}" if self.origin.revision else ""),
            "sample input": _shorten(self.examples[0]) if self.examples else "none",
        }
        if self.origin.random:
            rows["note"] = "The weights are random: quality figures mean nothing."
        left = 'style="text-align:left;padding-right:12px"'
        cells = [
            f"<th {left}>{html.escape(name)}</th><td {left}>{html.escape(text)}</td>"
            for name, text in rows.items()
        ]
        return f"<table><tr>{'</tr><tr>'.join(cells)}</tr></table>"


def load_model(
    source: str | Path,
    *,
    task: str | None = None,
    dtype: str | torch.dtype | None = None,
    device: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> Source:
    """Loads a model from the bundled demos, a folder, the Hub, or makes one with random weights.

    Only the Hub needs the network. No code from a checkpoint runs unless asked for.

    Args:
        source: "demo/qa", "demo/sentiment" or "demo/digits", a folder, "random/roberta-base" and the like, or a Hub id
            such as "org/model".
        task: A task's name; by default the one that the model's config speaks for.
        dtype: "float32" (the default), "float16", "bfloat16", or a torch dtype.
        device: "cpu" (the default), "cuda", "cuda:1", or "auto": all GPUs there are, else the CPU.
        revision: A branch, tag or commit on the Hub.
        trust_remote_code: Whether Python files of the checkpoint may be run.

    Returns:
        The model in eval mode with its processor, task and sample inputs.

    Raises:
        LoadError: The model cannot be found, fetched or read.
        TaskError: The task is unknown, or does not fit the model.
        ValueError: `dtype` or `device` is none of the above.

    Example:
        >>> source = load_model("random/tiny-bert", task="token-classification")
        >>> print(type(source.model).__name__, len(source.samples))
        BertForTokenClassification 16
    """
    from workbench.models.checkpoint import read_checkpoint
    from workbench.models.heads import check_ids
    from workbench.models.locate import find_folder

    if not isinstance(source, str | Path):
        raise TypeError(f"source must be a name or a folder, got {type(source).__name__}.")
    if not str(source).strip():
        raise ValueError(
            "source is empty: give a demo, a folder or the name of a model on the Hub ('.' is this folder)."
        )
    precision, place = read_dtype(dtype), read_device(device)
    # Before the Hub's client reads it; the user's own setting is kept.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    importlib.import_module("transformers")  # only what is loaded can be muted
    given = str(source)
    is_random = isinstance(source, str) and given.startswith(PREFIX) and not Path(given).is_dir()
    if revision is not None and (is_random or given.startswith("demo/") or Path(given).expanduser().is_dir()):
        raise ValueError(
            f"revision={revision!r} says which version on the Hub, and {given!r} is not from there."
        )
    with quiet():
        if is_random:
            from workbench.models.random import build_random

            model, processor, row = build_random(given.removeprefix(PREFIX), task)
        else:
            folder = find_folder(source, revision=revision, trust_remote_code=trust_remote_code)
            if Path(source).expanduser().is_dir():
                given = str(folder.resolve())  # the same folder also after a change of directory
            model, processor, row = read_checkpoint(
                folder,
                given,
                task=task,
                precision=precision,
                place=place,
                trust_remote_code=trust_remote_code,
            )
        model = place_model(model, precision, place)
        examples = _choose_examples(given, row, processor)
        samples = [make_feed(row, processor, model.config, example) for example in examples]
        check_ids(model, samples, given)
    origin = Origin(
        given,
        row.name,
        encoder_decoder=bool(model.config.is_encoder_decoder),
        dtype=precision,
        revision=revision,
        trust_remote_code=trust_remote_code,
        device=place,
        random=is_random,
    )
    loaded = Source(model, processor, origin, examples, samples)
    return dataclasses.replace(loaded, origin=dataclasses.replace(origin, fingerprint=loaded.fingerprint()))


def _choose_examples(given: str, task: Task, processor: Any) -> list[Any]:
    examples = demo_examples(given, task.name)
    return sample_examples(task, processor) if examples is None else examples


def _shorten(example: Any, limit: int = 120) -> str:
    shape = getattr(example, "shape", None)
    if shape is not None:
        return f"a sound of {shape[0]:,} samples"
    if hasattr(example, "thumbnail"):
        return "a picture of {} × {} pixels".format(*example.size)
    if isinstance(example, dict):
        text = "; ".join(f"{name}: {_shorten(value, limit)}" for name, value in example.items())
    else:
        text = str(example)
    return text if len(text) <= limit else text[: limit - 1] + "…"
