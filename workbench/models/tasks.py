"""One table of what can be done with a model: task -> model class, exporter's name, output heads, default metric.

To teach the workbench a task, add a row here and its sample inputs in `samples.py`.
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import Any

from workbench.errors import TaskError


@dataclasses.dataclass(frozen=True)
class Task:
    """A row of the table.

    Attributes:
        name: The name users know; also the transformers pipeline's.
        auto_class: The transformers class that loads a model for it.
        ort_class: The Optimum class that runs its ONNX files in a pipeline.
        exporter_task: What the exporter calls it.
        inputs: Which kind of sample it takes: "pair", "text", "mask", "prompt", "seq2seq", "image", "audio",
            "speech", "image+text".
        outputs: The heads on which two variants are compared, the deciding one first.
        suffixes: Endings of architecture names in a config that speak for this task.
        metric: What `evaluate_quality` measures when not told otherwise.
    """

    name: str
    auto_class: str
    ort_class: str
    exporter_task: str
    inputs: str
    outputs: tuple[str, ...]
    suffixes: tuple[str, ...]
    metric: str | None

    @property
    def generates(self) -> bool:
        """Whether the answer is made token by token, with past key values."""
        return self.exporter_task.endswith("-with-past")

    @property
    def is_seq2seq(self) -> bool:
        """Whether an encoder and a decoder stand in files of their own."""
        return self.generates and self.name != "text-generation"


TASKS = (
    Task(
        "question-answering",
        "AutoModelForQuestionAnswering",
        "ORTModelForQuestionAnswering",
        "question-answering",
        "pair",
        ("start_logits", "end_logits"),
        ("ForQuestionAnswering",),
        "squad_v2",
    ),
    Task(
        "text-classification",
        "AutoModelForSequenceClassification",
        "ORTModelForSequenceClassification",
        "text-classification",
        "text",
        ("logits",),
        ("ForSequenceClassification",),
        "accuracy",
    ),
    Task(
        "zero-shot-classification",
        "AutoModelForSequenceClassification",
        "ORTModelForSequenceClassification",
        "text-classification",
        "pair",
        ("logits",),
        (),
        "accuracy",
    ),
    Task(
        "token-classification",
        "AutoModelForTokenClassification",
        "ORTModelForTokenClassification",
        "token-classification",
        "text",
        ("logits",),
        ("ForTokenClassification",),
        "token_f1",
    ),
    Task(
        "fill-mask",
        "AutoModelForMaskedLM",
        "ORTModelForMaskedLM",
        "fill-mask",
        "mask",
        ("logits",),
        ("ForMaskedLM", "ForPreTraining"),
        "perplexity",
    ),
    Task(
        "text-generation",
        "AutoModelForCausalLM",
        "ORTModelForCausalLM",
        "text-generation-with-past",
        "prompt",
        ("logits",),
        ("ForCausalLM", "LMHeadModel"),
        "perplexity",
    ),
    Task(
        "text2text-generation",
        "AutoModelForSeq2SeqLM",
        "ORTModelForSeq2SeqLM",
        "text2text-generation-with-past",
        "seq2seq",
        ("logits",),
        ("T5ForConditionalGeneration", "BartForConditionalGeneration", "MarianMTModel"),
        "exact_match",
    ),
    Task(
        "image-classification",
        "AutoModelForImageClassification",
        "ORTModelForImageClassification",
        "image-classification",
        "image",
        ("logits",),
        ("ForImageClassification",),
        "accuracy",
    ),
    Task(
        "automatic-speech-recognition",
        "AutoModelForCTC",
        "ORTModelForCTC",
        "automatic-speech-recognition",
        "audio",
        ("logits",),
        ("ForCTC",),
        "word_error_rate",
    ),
    Task(
        "automatic-speech-recognition",
        "AutoModelForSpeechSeq2Seq",
        "ORTModelForSpeechSeq2Seq",
        "automatic-speech-recognition-with-past",
        "speech",
        ("logits",),
        ("WhisperForConditionalGeneration",),
        "word_error_rate",
    ),
    Task(
        "zero-shot-image-classification",
        "AutoModelForZeroShotImageClassification",
        "ORTModelForZeroShotImageClassification",
        "zero-shot-image-classification",
        "image+text",
        ("logits_per_image", "logits_per_text"),
        ("CLIPModel",),
        "accuracy",
    ),
    Task(
        "feature-extraction",
        "AutoModel",
        "ORTModelForFeatureExtraction",
        "feature-extraction",
        "text",
        ("last_hidden_state",),
        ("Model",),
        "spearman",
    ),
)


def task_names() -> tuple[str, ...]:
    """All task names, each once."""
    return tuple(dict.fromkeys(task.name for task in TASKS))


def find_task(name: str, *, encoder_decoder: bool = False) -> Task:
    """The row of a task; speech recognition has one row for CTC heads and one for encoder-decoders.

    Args:
        name: The task's name, as in `task_names()`.
        encoder_decoder: Whether the model's config says that it is an encoder with a decoder.

    Raises:
        TaskError: The name is unknown; the message lists the known ones, nearest first.

    Example:
        >>> find_task("question-answering").outputs
        ('start_logits', 'end_logits')
    """
    rows = [task for task in TASKS if task.name == name]
    if not rows:
        near = difflib.get_close_matches(str(name), task_names(), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise TaskError(
            f"The task {name!r} is not supported.{hint} Supported tasks: {', '.join(task_names())}."
        )
    return next((task for task in rows if task.is_seq2seq == encoder_decoder), rows[0])


def infer_task(config: Any) -> Task:
    """The task that a config's architecture name speaks for.

    Raises:
        TaskError: The config names no architecture, or one whose task is not known.
    """
    architectures = getattr(config, "architectures", None) or []
    for architecture in architectures:
        for task in TASKS:
            if architecture.endswith(task.suffixes) and task.suffixes:
                return task
    given = ", ".join(architectures) or "none"
    raise TaskError(
        f"The task cannot be read from the config (architectures: {given}). "
        f"Say it: load_model(..., task=...), one of {', '.join(task_names())}."
    )
