"""`random/<architecture>`: real architectures with random weights, made on the spot from their known configs.

For latency, graph and conversion work without a download. The `tiny-` ones are a few hundred kilobytes each and
meant for tests and first steps. What such a model answers means nothing.
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING, Any

from workbench.errors import LoadError
from workbench.models.tasks import Task, find_task

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

PREFIX = "random/"
NLI_LABELS = ("contradiction", "neutral", "entailment")
_SPREAD = 0.02  # of the biases, which the libraries start at zero


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A row of the table: a config class, what differs from its defaults, and the task it is usually used for."""

    config: str
    task: str
    values: dict[str, Any] = dataclasses.field(default_factory=dict)


_QA, _GENERATE, _TEXT2TEXT = "question-answering", "text-generation", "text2text-generation"
_IMAGE, _SPEECH, _IMAGE_TEXT = (
    "image-classification",
    "automatic-speech-recognition",
    "zero-shot-image-classification",
)
_TINY = {
    "vocab_size": 512,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "initializer_range": 0.15,
}
_TINY_SEQ2SEQ = {
    "d_model": 64,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128,
    "init_std": 0.15,
}
_TINY_TOWER = {
    name: value for name, value in _TINY.items() if name not in ("vocab_size", "initializer_range")
}
_DEBERTA_V3 = {
    "relative_attention": True,
    "position_buckets": 256,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "type_vocab_size": 0,
    "max_relative_positions": -1,
}
_ROBERTA = {"max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5}

ARCHITECTURES = {
    "bert-base-uncased": Architecture("BertConfig", _QA),
    "bert-large-uncased": Architecture(
        "BertConfig",
        _QA,
        {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
    ),
    "roberta-base": Architecture("RobertaConfig", _QA, {"vocab_size": 50265, **_ROBERTA}),
    "distilbert-base-uncased": Architecture("DistilBertConfig", _QA),
    "deberta-v3-base": Architecture("DebertaV2Config", _QA, _DEBERTA_V3),
    "modernbert-base": Architecture("ModernBertConfig", _QA, {"classifier_pooling": "mean"}),
    "gpt2": Architecture("GPT2Config", _GENERATE),
    "t5-small": Architecture("T5Config", _TEXT2TEXT),
    "vit-base-patch16-224": Architecture("ViTConfig", _IMAGE, {"num_labels": 1000}),
    "wav2vec2-base": Architecture("Wav2Vec2Config", _SPEECH),
    "whisper-tiny": Architecture("WhisperConfig", _SPEECH),
    "clip-vit-base-patch32": Architecture("CLIPConfig", _IMAGE_TEXT),
    "tiny-bert": Architecture("BertConfig", _QA, _TINY),
    "tiny-roberta": Architecture("RobertaConfig", _QA, {**_TINY, **_ROBERTA}),
    "tiny-distilbert": Architecture(
        "DistilBertConfig",
        _QA,
        {
            "vocab_size": 512,
            "dim": 64,
            "n_layers": 2,
            "n_heads": 2,
            "hidden_dim": 128,
            "initializer_range": 0.15,
        },
    ),
    "tiny-deberta-v2": Architecture("DebertaV2Config", _QA, {**_TINY, **_DEBERTA_V3, "position_buckets": 32}),
    "tiny-modernbert": Architecture(
        "ModernBertConfig", _QA, {**_TINY, "local_attention": 32, "global_attn_every_n_layers": 2}
    ),
    "tiny-gpt2": Architecture(
        "GPT2Config",
        _GENERATE,
        {"vocab_size": 512, "n_embd": 64, "n_layer": 2, "n_head": 2, "n_positions": 512, "initializer_range": 0.15},
    ),
    "tiny-llama": Architecture("LlamaConfig", _GENERATE, {**_TINY, "num_key_value_heads": 1}),
    "tiny-qwen3": Architecture("Qwen3Config", _GENERATE, {**_TINY, "num_key_value_heads": 1, "head_dim": 32}),
    "tiny-t5": Architecture(
        "T5Config",
        _TEXT2TEXT,
        {"vocab_size": 512, "d_model": 64, "d_kv": 32, "d_ff": 128, "num_layers": 2, "num_heads": 2},
    ),
    "tiny-bart": Architecture(
        "BartConfig", _TEXT2TEXT, {"vocab_size": 512, "max_position_embeddings": 512, **_TINY_SEQ2SEQ}
    ),
    "tiny-vit": Architecture(
        "ViTConfig", _IMAGE, {**_TINY_TOWER, "image_size": 64, "initializer_range": 0.15}
    ),
    "tiny-wav2vec2": Architecture(
        "Wav2Vec2Config",
        _SPEECH,
        {
            **_TINY_TOWER,
            "initializer_range": 0.15,
            "conv_dim": (32,) * 7,
            "num_conv_pos_embeddings": 16,
            "num_conv_pos_embedding_groups": 2,
        },
    ),
    "tiny-whisper": Architecture("WhisperConfig", _SPEECH, {"vocab_size": 512, **_TINY_SEQ2SEQ}),
    "tiny-clip": Architecture(
        "CLIPConfig",
        _IMAGE_TEXT,
        {
            "text_config": {**_TINY_TOWER, "vocab_size": 512},
            "vision_config": {**_TINY_TOWER, "image_size": 64, "patch_size": 16},
            "projection_dim": 64,
        },
    ),
}


def architecture_names() -> tuple[str, ...]:
    """The names that can follow `random/`.

    Example:
        >>> "roberta-base" in architecture_names()
        True
    """
    return tuple(ARCHITECTURES)


def find_architecture(name: str) -> Architecture:
    """The row of an architecture.

    Raises:
        LoadError: There is none of that name; the message lists near ones.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    near = difflib.get_close_matches(name, ARCHITECTURES, n=3, cutoff=0.4)
    hint = f" Did you mean {', '.join(repr(PREFIX + known) for known in near)}?" if near else ""
    known = ", ".join(ARCHITECTURES)
    raise LoadError(
        f"The architecture {PREFIX + name!r} is not known.{hint} Known after {PREFIX!r}: {known}."
    )


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
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers go on as if nothing had happened
        torch.manual_seed(0)
        model = auto_class.from_config(config)
        _shake(model)
    config = model.config
    config.architectures = [type(model).__name__]
    if config.model_type == "whisper":
        _prepare_whisper(model, processor)
    return model, processor, chosen


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
    settings.is_multilingual = False
    settings.no_timestamps_token_id = tokenizer.convert_tokens_to_ids("<|notimestamps|>")
    settings.prev_sot_token_id = tokenizer.convert_tokens_to_ids("<|startofprev|>")
    settings.max_length = model.config.max_target_positions
    settings.forced_decoder_ids = None
