"""The known architectures: of the right size, not degenerate, the same each time, and whole when saved."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
import transformers

from workbench import load_model
from workbench.models.architectures import ARCHITECTURES, architecture_names
from workbench.models.heads import fitting_tasks
from workbench.models.processors import FAMILIES, make_tokenizer
from workbench.models.tasks import find_task

TINY = [name for name in architecture_names() if name.startswith("tiny-")]
GENERATING = ["tiny-gpt2", "tiny-llama", "tiny-qwen3", "tiny-t5", "tiny-bart", "tiny-whisper"]
# Millions of parameters of the body, as published.
PUBLISHED = {
    "bert-base-uncased": 109,
    "bert-large-uncased": 334,
    "roberta-base": 124,
    "distilbert-base-uncased": 66,
    "deberta-v3-base": 184,
    "modernbert-base": 149,
    "gpt2": 124,
    "t5-small": 60.5,
    "vit-base-patch16-224": 86.6,
    "wav2vec2-base": 94.4,
    "whisper-tiny": 37.8,
    "clip-vit-base-patch32": 151,
}


@pytest.fixture(scope="module")
def tiny():
    """`tiny(name)`: a tiny source, loaded once; not to be changed."""
    known: dict[str, object] = {}
    return lambda name: known.setdefault(name, load_model(f"random/{name}"))


def run(source, feed) -> np.ndarray:
    with torch.no_grad():
        answer = source.model(**{name: torch.from_numpy(value) for name, value in feed.items()})
    return answer[source.task_row.outputs[0]].numpy()


def test_each_architecture_that_is_known_is_tried_here():
    assert set(architecture_names()) == {*TINY, *PUBLISHED}
    assert len(TINY) == 14


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_real_ones_have_the_published_size(name):
    row = ARCHITECTURES[name]
    config = getattr(transformers, row.config)(**row.values)
    task = find_task(row.task, encoder_decoder=config.is_encoder_decoder)
    assert row.task in fitting_tasks(config)
    with torch.device("meta"):  # shapes only
        model = getattr(transformers, task.auto_class).from_config(config)
    assert model.num_parameters() / 1e6 == pytest.approx(PUBLISHED[name], rel=0.006)


@pytest.mark.parametrize("name", TINY)
def test_the_tiny_ones_are_tiny_and_not_degenerate(tiny, name):
    source = tiny(name)
    assert source.origin.random
    assert source.size_bytes < 1.5e6
    answers = [run(source, feed) for feed in source.samples[:3]]
    assert all(np.isfinite(answer).all() for answer in answers)
    first, second, third = (answer.reshape(-1, answer.shape[-1])[-1, :3] for answer in answers)
    assert np.abs(first - second).max() > 0.01
    assert np.abs(second - third).max() > 0.01
    assert all(weight.any() for name, weight in source.model.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize("name", GENERATING)
def test_they_do_not_repeat_one_token_for_ever(tiny, name):
    source = tiny(name)
    texts = []
    for feed in source.samples[:3]:
        start = {key: torch.from_numpy(value) for key, value in feed.items() if not key.startswith("decoder")}
        tokens = source.model.generate(**start, max_new_tokens=20, do_sample=False)[0].tolist()
        texts.append(tuple(tokens[-19:]))
    assert len(set(texts)) == 3
    assert max(len(set(text)) for text in texts) > 4


@pytest.mark.parametrize("name", TINY)
def test_what_is_saved_comes_back_whole(tiny, saved, name):
    source, back = tiny(name), load_model(saved(name))
    assert back.task == source.task
    assert back.origin.fingerprint == source.origin.fingerprint
    assert type(back.processor) is type(source.processor)
    for before, after in zip(source.samples, back.samples, strict=True):
        assert before.keys() == after.keys()
        assert all(np.array_equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("name", TINY)
def test_the_ids_agree_with_the_config(tiny, name):
    source = tiny(name)
    tokenizer = getattr(source.processor, "tokenizer", source.processor)
    if source.task == "image-classification":
        return
    config = source.model.config.get_text_config()
    assert max(tokenizer.get_vocab().values()) < config.vocab_size
    for role in ("pad", "bos", "eos"):
        ours = getattr(tokenizer, f"{role}_token_id", None)
        assert ours is None or getattr(config, f"{role}_token_id") == ours


def test_weights_are_the_same_in_each_process_and_leave_the_callers_numbers_alone(tiny):
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    source = load_model("random/tiny-bert")
    assert torch.equal(torch.random.get_rng_state(), before)
    code = (
        "from workbench import load_model; s = load_model('random/tiny-bert'); import json;"
        "print(json.dumps([s.origin.fingerprint, s.samples[0]['input_ids'].tolist()]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout) == [source.origin.fingerprint, source.samples[0]["input_ids"].tolist()]


@pytest.mark.parametrize(
    ("name", "task", "model"),
    [
        ("tiny-bert", "token-classification", "BertForTokenClassification"),
        ("tiny-roberta", "fill-mask", "RobertaForMaskedLM"),
        ("tiny-distilbert", "feature-extraction", "DistilBertModel"),
        ("tiny-deberta-v2", "text-classification", "DebertaV2ForSequenceClassification"),
        ("tiny-gpt2", "text-classification", "GPT2ForSequenceClassification"),
        ("tiny-bart", "question-answering", "BartForQuestionAnswering"),
    ],
)
def test_another_fitting_task_gets_its_head(name, task, model):
    source = load_model(f"random/{name}", task=task)
    assert type(source.model).__name__ == model
    assert np.isfinite(run(source, source.samples[0])).all()


def test_zero_shot_classification_gets_the_labels_it_reads():
    source = load_model("random/tiny-bert", task="zero-shot-classification")
    assert source.model.config.id2label[2] == "entailment"
    pipeline = transformers.pipeline(
        "zero-shot-classification", model=source.model, tokenizer=source.processor
    )
    answer = pipeline("A wonderful evening!", candidate_labels=["joy", "rain"])
    assert set(answer["labels"]) == {"joy", "rain"}


def test_a_random_source_says_that_its_quality_means_nothing(tiny):
    assert "quality figures mean nothing" in str(tiny("tiny-bert"))
    assert "quality figures mean nothing" in tiny("tiny-bert")._repr_html_()


@pytest.mark.parametrize(
    "name", ["tiny-bert", "tiny-roberta", "tiny-deberta-v2", "tiny-modernbert", "tiny-bart"]
)
def test_questions_are_answered_through_the_pipeline(name):
    source = load_model(f"random/{name}", task="question-answering")
    pipeline = transformers.pipeline("question-answering", model=source.model, tokenizer=source.processor)
    example = source.examples[0]
    answer = pipeline(**example, handle_impossible_answer=True)
    assert example["context"][answer["start"] : answer["end"]] == answer["answer"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tokenizer_loses_no_text_and_follows_its_template(family):
    tokenizer = make_tokenizer(family)
    form = FAMILIES[family]
    text = "The ferry's 2nd bridge?"
    ids = tokenizer(text).input_ids
    plain = tokenizer.decode(ids, skip_special_tokens=True).strip()
    assert plain.replace(" ", "") == (text.lower() if form.kind == "words" else text).replace(" ", "")
    pair = tokenizer(text, "Who?")
    specials = [
        token for token in tokenizer.convert_ids_to_tokens(pair.input_ids) if token in form.specials.values()
    ]
    assert specials == [word for word in form.pair.replace(":1", "").split() if not word.startswith("$")]
    assert ("token_type_ids" in pair) == form.token_types
