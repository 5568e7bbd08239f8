"""`random/<architecture>`: real architectures with random weights, made on the spot from their known configs.

For latency, graph and conversion work without a download. The `tiny-` ones are a few hundred kilobytes each and
meant for tests and first steps. What such a model answers means nothing.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from unittest import mock

from workbench.models.architectures import PREFIX, find_architecture
from workbench.models.tasks import Task, find_task

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

log = logging.getLogger(__name__)

NLI_LABELS = ("contradiction", "neutral", "entailment")
_SPREAD = 0.02  # of the biases, which the libraries start at zero


def build_random(name: str, task: str | None = None) -> tuple[PreTrainedModel, Any, Task]:
    """A model with random weights, its processor and its task; the same weights on every call.

    Args:
        name: An architecture, as in `architecture_names()`.
        task: Another task than the architecture's usual one.

    Raises:
        LoadError: The architecture is not known.
        TaskError: The task is not known, or there is no such head for this architecture.
    """
    import torch
    import transformers

    from workbench.models.heads import check_family
    from workbench.models.processors import make_processor

    row = find_architecture(name)
    config = getattr(transformers, row.config)(**row.values)
    chosen = find_task(task or row.task, encoder_decoder=config.is_encoder_decoder)
    processor = make_processor(config)
    _join(config, processor)
    if chosen.name == "zero-shot-classification":
        config.id2label = dict(enumerate(NLI_LABELS))
        config.label2id = {label: index for index, label in enumerate(NLI_LABELS)}
    auto_class = check_family(config, chosen, PREFIX + name)
    log.info("making %s with random weights", PREFIX + name)
    # The caller's random numbers go on as if nothing had happened.
    with torch.random.fork_rng(devices=[]), _fast_truncation():
        torch.manual_seed(0)
        model = auto_class.from_config(config)
        _shake(model)
    config = model.config
    config.architectures = [type(model).__name__]
    if config.model_type == "whisper":
        _prepare_whisper(model, processor)
    return model, processor, chosen


@contextlib.contextmanager
def _fast_truncation() -> Iterator[None]:
    """Draws truncated normals by clipping: PyTorch draws again until each fits, 30 s for ModernBERT."""
    from torch import nn

    def clip(tensor: Any, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Any:
        return nn.init.normal_(tensor, mean, std).data.clamp_(a, b)

    with mock.patch.object(nn.init, "trunc_normal_", clip):
        yield


def _join(config: PretrainedConfig, processor: Any) -> None:
    """Gives the config the ids of the special tokens that the processor really uses."""
    tokenizer = getattr(processor, "tokenizer", processor)
    for part in {id(part): part for part in (config, config.get_text_config())}.values():
        for role in ("pad", "bos", "eos", "cls", "sep", "mask"):
            found = getattr(tokenizer, f"{role}_token_id", None)
            if found is not None and hasattr(part, f"{role}_token_id"):
                setattr(part, f"{role}_token_id", found)
    if config.model_type == "t5":
        config.decoder_start_token_id = config.pad_token_id
    if config.model_type == "whisper":
        config.decoder_start_token_id = tokenizer.convert_tokens_to_ids("<|startoftranscript|>")
        config.begin_suppress_tokens = [config.eos_token_id]


def _shake(model: PreTrainedModel) -> None:
    """Moves biases off zero: with zeros, an export that loses a bias would go unnoticed."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") and not parameter.any():
                parameter.normal_(0, _SPREAD)


def _prepare_whisper(model: PreTrainedModel, processor: Any) -> None:
    """What Whisper's own generation asks of its settings; English only, so that no language is guessed."""
    tokenizer = processor.tokenizer
    settings = model.generation_config
    settings._from_model_config = False  # or it would be made anew, without these, when read back
    settings.is_multilingual = False
    settings.no_timestamps_token_id = tokenizer.convert_tokens_to_ids("<|notimestamps|>")
    settings.prev_sot_token_id = tokenizer.convert_tokens_to_ids("<|startofprev|>")
    settings.max_length = model.config.max_target_positions
    settings.forced_decoder_ids = None
