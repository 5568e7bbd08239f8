"""Tokenizers and processors made here, without any download, for models with random weights.

Each has the special tokens, the template and the input names of its family, so that a model sees input of the
right form; its vocabulary is a few hundred pieces of our own sample sentences. Nothing is trained: trainers
break ties in another order on every run.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.models.samples import IMAGE_LABELS, QUESTIONS, SAMPLING_RATE, SENTENCES, input_limit

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedTokenizerFast

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,;:!?'\"()-"
PIECES = 500  # no vocabulary is larger, so that 512 rows of embeddings hold each of them


@dataclasses.dataclass(frozen=True)
class Family:
    """How a family of models wants its text.

    Attributes:
        kind: "words" (lower-cased WordPiece) or "bytes" (byte-level BPE).
        specials: Role -> token, in the order of their ids.
        single: The template of one text; "" leaves a text as it is.
        pair: The template of two texts.
        token_types: Whether the model takes `token_type_ids`.
    """

    kind: str
    specials: dict[str, str]
    single: str = ""
    pair: str = ""
    token_types: bool = False


_BERT = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
_ROBERTA = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>"}
_BERT_FORM = ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
_ROBERTA_FORM = ("<s> $A </s>", "<s> $A </s> </s> $B </s>")

FAMILIES = {
    "bert": Family("words", _BERT, *_BERT_FORM, token_types=True),
    "distilbert": Family("words", _BERT, *_BERT_FORM),
    "deberta-v2": Family("words", _BERT, *_BERT_FORM),
    "modernbert": Family("bytes", _BERT, *_BERT_FORM),
    "roberta": Family("bytes", {**_ROBERTA, "cls": "<s>", "sep": "</s>"}, *_ROBERTA_FORM),
    "bart": Family("bytes", {**_ROBERTA, "cls": "<s>", "sep": "</s>"}, *_ROBERTA_FORM),
    "gpt2": Family("bytes", dict.fromkeys(("bos", "eos", "unk", "pad"), "<|endoftext|>")),
    "llama": Family(
        "bytes", {"unk": "<unk>", "bos": "<s>", "eos": "</s>", "pad": "</s>"}, "<s> $A", "<s> $A <s> $B"
    ),
    "qwen3": Family("bytes", {"pad": "<|endoftext|>", "eos": "<|im_end|>"}),
    "clip": Family(
        "bytes",
        {"bos": "<|startoftext|>", "eos": "<|endoftext|>", "unk": "<|endoftext|>", "pad": "<|endoftext|>"},
        "<|startoftext|> $A <|endoftext|>",
        "<|startoftext|> $A <|endoftext|> $B <|endoftext|>",
    ),
    "t5": Family("bytes", {"pad": "<pad>", "eos": "</s>", "unk": "<unk>"}, "$A </s>", "$A </s> $B </s>"),
}
WHISPER_SPECIALS = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)


def make_tokenizer(family: str, max_length: int | None = None) -> PreTrainedTokenizerFast:
    """The fast tokenizer of a family of text models.

    Example:
        >>> tokenizer = make_tokenizer("roberta")
        >>> tokenizer.decode(tokenizer("The bridge", "Who?").input_ids)
        '<s>The bridge</s></s>Who?</s>'
    """
    from transformers import PreTrainedTokenizerFast

    form = FAMILIES[family]
    core = _words_core(form.specials) if form.kind == "words" else _bytes_core(form.specials)
    _set_template(core, form.single, form.pair)
    names = (
        ["input_ids", "token_type_ids", "attention_mask"]
        if form.token_types
        else ["input_ids", "attention_mask"]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        model_input_names=names,
        padding_side="left" if form.single in ("", "<s> $A") else "right",
        clean_up_tokenization_spaces=False,
        **({"model_max_length": max_length} if max_length else {}),
        **{f"{role}_token": token for role, token in form.specials.items()},
    )


def _set_template(core: Tokenizer, single: str, pair: str) -> None:
    from tokenizers.processors import TemplateProcessing

    if single:
        used = re.findall(r"\S+", re.sub(r"\$[AB]|:1", " ", pair))
        tokens = [(token, core.token_to_id(token)) for token in dict.fromkeys(used)]
        core.post_processor = TemplateProcessing(single=single, pair=pair, special_tokens=tokens)


def _common_words() -> list[str]:
    texts = [*SENTENCES, *(question for question, _ in QUESTIONS), *IMAGE_LABELS]
    counts = Counter(re.findall(r"[a-z]+|[0-9]+", " ".join(texts).lower()))
    return [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if len(word) > 1]


def _words_core(specials: dict[str, str]) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    pieces = [*dict.fromkeys(specials.values()), *CHARACTERS, *(f"##{letter}" for letter in CHARACTERS)]
    pieces += _common_words()
    vocabulary = {piece: index for index, piece in enumerate(pieces[:PIECES])}
    core = Tokenizer(models.WordPiece(vocabulary, unk_token=specials["unk"]))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece()
    return core


def _bytes_core(specials: dict[str, str]) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocabulary, merges = byte_pieces(list(dict.fromkeys(specials.values())))
    core = Tokenizer(models.BPE(vocabulary, merges))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    return core


def byte_pieces(
    first: Sequence[str], last: Sequence[str] = ()
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A byte-level vocabulary and its merges: all bytes, then the common words, grown letter by letter.

    Args:
        first: Special tokens that get the lowest ids.
        last: Special tokens that get the highest ids.
    """
    from tokenizers import pre_tokenizers

    pieces = dict.fromkeys([*first, *sorted(pre_tokenizers.ByteLevel.alphabet())])
    merges: dict[tuple[str, str], None] = {}
    for word in _common_words():
        grown = "\u0120"  # how byte-level vocabularies write the space before a word
        for letter in word:
            if len(pieces) + len(last) >= PIECES:
                break
            merges[grown, letter] = None
            grown += letter
            pieces[grown] = None
    pieces.update(dict.fromkeys(last))
    return {piece: index for index, piece in enumerate(pieces)}, list(merges)


def make_processor(config: PretrainedConfig) -> Any:
    """The tokenizer, image processor or processor for a config of a family that is known here.

    Raises:
        KeyError: The family is not known.
    """
    kind = config.model_type
    if kind == "vit":
        return _image_processor("ViTImageProcessor", config.image_size)
    if kind == "clip":
        return _clip_processor(config)
    if kind == "wav2vec2":
        return _wav2vec2_processor(config)
    if kind == "whisper":
        return _whisper_processor(config)
    return make_tokenizer(kind, input_limit(config))


def _image_processor(name: str, size: int) -> Any:
    import transformers

    square = {"height": size, "width": size}
    if name == "CLIPImageProcessor":
        return transformers.CLIPImageProcessor(size={"shortest_edge": size}, crop_size=square)
    return transformers.ViTImageProcessor(size=square)


def _clip_processor(config: PretrainedConfig) -> Any:
    from transformers import CLIPProcessor

    tokenizer = make_tokenizer("clip", config.text_config.max_position_embeddings)
    return CLIPProcessor(_image_processor("CLIPImageProcessor", config.vision_config.image_size), tokenizer)


def _wav2vec2_processor(config: PretrainedConfig) -> Any:
    from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2Processor

    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ'"]
    with tempfile.TemporaryDirectory() as folder:  # this tokenizer reads its vocabulary from a file only
        file = Path(folder, "vocab.json")
        file.write_text(json.dumps({letter: index for index, letter in enumerate(letters)}))
        tokenizer = Wav2Vec2CTCTokenizer(str(file))
    normalized = config.feat_extract_norm == "layer"  # these, unlike the first ones, are trained with a mask
    extractor = Wav2Vec2FeatureExtractor(sampling_rate=SAMPLING_RATE, return_attention_mask=normalized)
    return Wav2Vec2Processor(extractor, tokenizer)


def _whisper_processor(config: PretrainedConfig) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import WhisperFeatureExtractor, WhisperProcessor, WhisperTokenizerFast

    # Whisper takes every id above <|notimestamps|> for a time, so the special tokens come last.
    vocabulary, merges = byte_pieces([], WHISPER_SPECIALS)
    core = Tokenizer(models.BPE(vocabulary, merges))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokenizer = WhisperTokenizerFast(
        tokenizer_object=core,
        pad_token="<|endoftext|>",
        additional_special_tokens=list(WHISPER_SPECIALS[1:]),
        model_max_length=config.max_target_positions,
    )
    seconds = config.max_source_positions * 2 // 100  # a spectrogram row is 10 ms, a position two rows
    return WhisperProcessor(WhisperFeatureExtractor(config.num_mel_bins, chunk_length=seconds), tokenizer)
