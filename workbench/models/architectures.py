"""The table of architectures that `random/` knows: config class, what differs from its defaults, usual task.

The values are facts from the published configs. To add an architecture, add a row, and if its family is new, its
tokenizer in `processors.py`.
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import Any

from workbench.errors import LoadError

PREFIX = "random/"


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A row of the table: a config class, what differs from its defaults, and the task it is usually used for."""

    config: str
    task: str
    values: dict[str, Any] = dataclasses.field(default_factory=dict)


_QA, _MASK = "question-answering", "fill-mask"
_GENERATE, _TEXT2TEXT = "text-generation", "text2text-generation"
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

# The scale of the first weights is ours, not the published one, where the published one makes a generating model
# repeat its last token for ever: two runtimes would then agree however wrong one of them is.
ARCHITECTURES = {
    "bert-base-uncased": Architecture("BertConfig", _QA),
    "bert-large-uncased": Architecture(
        "BertConfig",
        _QA,
        {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
    ),
    "roberta-base": Architecture("RobertaConfig", _QA, {"vocab_size": 50265, **_ROBERTA}),
    "distilbert-base-uncased": Architecture("DistilBertConfig", _QA),
    "deberta-v3-base": Architecture(
        "DebertaV2Config",
        _QA,
        {
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            **_DEBERTA_V3,
        },
    ),
    "modernbert-base": Architecture("ModernBertConfig", _MASK, {"classifier_pooling": "mean"}),
    "gpt2": Architecture("GPT2Config", _GENERATE, {"initializer_range": 0.04}),
    "t5-small": Architecture("T5Config", _TEXT2TEXT, {"initializer_factor": 3}),
    "vit-base-patch16-224": Architecture("ViTConfig", _IMAGE, {"num_labels": 1000}),
    "wav2vec2-base": Architecture("Wav2Vec2Config", _SPEECH),
    "whisper-tiny": Architecture("WhisperConfig", _SPEECH, {"init_std": 0.1}),
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
        "ModernBertConfig", _MASK, {**_TINY, "local_attention": 32, "global_attn_every_n_layers": 2}
    ),
    "tiny-gpt2": Architecture(
        "GPT2Config",
        _GENERATE,
        {
            "vocab_size": 512,
            "n_embd": 64,
            "n_layer": 2,
            "n_head": 2,
            "n_positions": 512,
            "initializer_range": 0.15,
        },
    ),
    "tiny-llama": Architecture("LlamaConfig", _GENERATE, {**_TINY, "num_key_value_heads": 1}),
    "tiny-qwen3": Architecture("Qwen3Config", _GENERATE, {**_TINY, "num_key_value_heads": 1, "head_dim": 32}),
    "tiny-t5": Architecture(
        "T5Config",
        _TEXT2TEXT,
        {
            "vocab_size": 512,
            "d_model": 64,
            "d_kv": 32,
            "d_ff": 128,
            "num_layers": 2,
            "num_heads": 2,
            "initializer_factor": 2,
        },
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
    "tiny-whisper": Architecture(
        "WhisperConfig", _SPEECH, {**_TINY_SEQ2SEQ, "vocab_size": 512, "init_std": 0.4}
    ),
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
