"""How inputs go through a model: what shares a call, how much at once, with how many threads, and what is shown."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest

import workbench as wb
from tests.variants import bench, one_thread  # noqa: F401
from workbench.compare import engine as module
from workbench.compare import predict_media, predict_written
from workbench.compare.engine import open_engine, show_progress
from workbench.compare.predict_media import predict_image_candidates, predict_images, predict_speech
from workbench.compare.predict_texts import predict_next
from workbench.compare.predict_written import write_texts
from workbench.compare.quality import evaluate_quality
from workbench.models.samples import SENTENCES, draw_image, make_sound


@pytest.fixture(autouse=True)
def _one_thread(one_thread):  # noqa: F811
    """Applies to every test of this file."""


def record_calls(engine, log: list) -> None:
    """Notes the shape of the first input of every call."""
    run = engine.runner.run

    def noted(feed):
        log.append(next(iter(feed.values())).shape)
        return run(feed)

    engine.runner.run = noted


@pytest.mark.parametrize("size", [0, -1, True, 2.0, "4"])
def test_a_batch_has_a_size(bench, size):  # noqa: F811
    source = bench.source("t5", "text2text-generation")
    for given, rows in ((bench.source(), None), (source, [{"text": "a", "target": "b"}])):
        with pytest.raises(ValueError, match="batch_size must be a whole number from 1 up"):
            evaluate_quality(given, rows, batch_size=size)


def test_calls_that_give_much_hold_little(bench, monkeypatch):  # noqa: F811
    source = bench.source("gpt2", "text-generation")
    vocabulary, rows = source.model.config.vocab_size, [{"text": text} for text in SENTENCES[:9]]
    with open_engine(source.baseline, threads=1) as engine:
        whole = predict_next(engine, rows)
        monkeypatch.setattr(module, "LARGEST_OUTPUT", 60 * vocabulary)
        shapes = []
        record_calls(engine, shapes)
        parts = predict_next(engine, rows)
    assert len(shapes) > 2
    assert all(rows * length <= 60 or rows == 1 for rows, length in shapes)
    assert max(rows for rows, _ in shapes) > 1
    np.testing.assert_allclose(parts, whole, rtol=1e-5)


def test_images_are_prepared_when_their_batch_comes(bench, monkeypatch):  # noqa: F811
    source = bench.source("vit", "image-classification")
    rows, log = [{"image": draw_image(seed)} for seed in range(5)], []
    read = predict_media.read_image
    monkeypatch.setattr(predict_media, "read_image", lambda image: log.append("image") or read(image))
    with open_engine(source.baseline, threads=1, batch_size=2) as engine:
        record_calls(engine, log)
        chosen = predict_images(engine, rows)
    calls = [item if item == "image" else item[0] for item in log]
    assert calls == ["image", "image", 2, "image", "image", 2, "image", 1]
    with open_engine(source.baseline, threads=1, batch_size=1) as engine:
        assert predict_images(engine, rows) == chosen


def test_images_with_the_same_candidates_share_a_call(bench):  # noqa: F811
    source = bench.source("clip", "zero-shot-image-classification")
    ways = (["a circle", "a square", "two stripes of a drawing"], ["one", "two"])
    rows = [{"image": draw_image(seed), "candidate_labels": ways[seed % 3 == 1]} for seed in range(7)]
    found, shapes, seen = [], [], []
    for size in (1, 3):
        for given in (source.baseline, bench.exported("clip", "zero-shot-image-classification")):
            with open_engine(given, threads=1, batch_size=size) as engine:
                engine.progress = lambda done, total: seen.append((done, total))
                run = engine.runner.run
                engine.runner.run = lambda feed, run=run: (
                    shapes.append(len(feed["pixel_values"])) or run(feed)
                )
                found.append(predict_image_candidates(engine, rows))
    assert found[0] == found[1] == found[2] == found[3]
    assert all(label in row["candidate_labels"] for label, row in zip(found[0], rows, strict=True))
    assert shapes == [1] * 14 + [3, 2, 2] * 2
    assert seen[-1] == (7, 7)


def test_sounds_of_one_length_share_a_call(bench):  # noqa: F811
    source = bench.source("wav2vec2", "automatic-speech-recognition")
    rows = [{"audio": make_sound(seed, (0.3, 0.5)[seed % 2])} for seed in range(6)]
    with open_engine(source.baseline, threads=1, batch_size=1) as engine:
        alone = predict_speech(engine, rows)
    with open_engine(source.baseline, threads=1, batch_size=8) as engine:
        shapes = []
        record_calls(engine, shapes)
        assert predict_speech(engine, rows) == alone
    assert shapes == [(3, 4800), (3, 8000)]
    assert len(set(alone)) > 1


@pytest.fixture(scope="module")
def masked_speech(tmp_path_factory):
    """A model of the later kind, which takes a mask and is told how long each sound is."""
    import torch
    from transformers import Wav2Vec2ForCTC

    source = wb.load_model("random/tiny-wav2vec2", task="automatic-speech-recognition")
    config = copy.deepcopy(source.model.config)
    config.feat_extract_norm, config.do_stable_layer_norm = "layer", True
    processor = copy.deepcopy(source.processor)
    processor.feature_extractor.return_attention_mask = True
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("speech")
    Wav2Vec2ForCTC(config).eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return wb.load_model(folder, task="automatic-speech-recognition")


def test_sounds_with_a_mask_share_a_call(masked_speech):
    rows = [{"audio": make_sound(seed, 0.3 + 0.11 * seed)} for seed in range(4)]
    with open_engine(masked_speech.baseline, threads=1, batch_size=1) as engine:
        alone = predict_speech(engine, rows)
    with open_engine(masked_speech.baseline, threads=1, batch_size=4) as engine:
        shapes = []
        record_calls(engine, shapes)
        together = predict_speech(engine, rows)
    assert [shape[0] for shape in shapes] == [4]
    assert together == alone
    assert len(set(alone)) == 4


@pytest.mark.parametrize(("name", "task"), [("t5", "text2text-generation"), ("whisper", None)])
def test_what_is_written_does_not_hang_on_the_batch(bench, monkeypatch, name, task):  # noqa: F811
    task = task or "automatic-speech-recognition"
    monkeypatch.setattr(predict_written, "LONGEST_REPLY", 12)
    source = bench.source(name, task)
    if name == "whisper":
        model = copy.deepcopy(source.model)
        model.generation_config.max_length = 12
        source = dataclasses.replace(source, model=model)
        rows = [{"audio": make_sound(seed, 0.3 + 0.1 * seed)} for seed in range(3)]
    else:
        rows = [{"text": text} for text in SENTENCES[:5]]
    sizes, seen = [], []
    hook = source.model.get_encoder().register_forward_hook(lambda _, __, out: sizes.append(len(out[0])))
    try:
        alone = write_texts(source.baseline, rows, batch_size=1)
        together = write_texts(source.baseline, rows, lambda *done: seen.append(done), batch_size=2)
    finally:
        hook.remove()
    assert together == alone
    assert len(set(alone)) > 1
    assert sizes == ([1] * 5 + [2, 2, 1] if name == "t5" else [1] * 3 + [2, 1])
    assert seen[-1] == (len(rows), len(rows))


def test_encoder_decoders_take_the_threads_asked_for(bench, monkeypatch):  # noqa: F811
    import torch

    monkeypatch.setattr(predict_written, "LONGEST_REPLY", 3)
    source, rows, seen = bench.source("t5", "text2text-generation"), [{"text": "Fine."}], []
    before = torch.get_num_threads()
    hook = source.model.encoder.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
    try:
        write_texts(source.baseline, rows, threads=2)
    finally:
        hook.remove()
    assert seen == [2]
    assert torch.get_num_threads() == before
    pipe = wb.make_pipeline(bench.exported("t5", "text2text-generation"), threads=2)
    assert pipe.model.encoder.session.get_session_options().intra_op_num_threads == 2
    with pytest.raises(ValueError, match="threads must be a whole number"):
        evaluate_quality(source, [{"text": "a", "target": "b"}], threads=0)


def test_a_notebook_shows_progress_and_a_file_does_not(tmp_path, monkeypatch):
    import zmq
    from ipykernel.iostream import IOPubThread, OutStream
    from jupyter_client.session import Session

    socket = zmq.Context.instance().socket(zmq.PUB)
    notebook = OutStream(Session(), IOPubThread(socket), "stderr", watchfd=False)
    assert not notebook.isatty()
    sent = []
    monkeypatch.setattr(OutStream, "write", lambda self, text: sent.append(text))
    monkeypatch.setattr(OutStream, "flush", lambda self: None)
    show_progress("mine", notebook)(1, 2)
    assert sent == [f"\rmine: [{'#' * 12}{'.' * 12}] 1 of 2"]
    notebook.close()
    socket.close(linger=0)
    with (tmp_path / "log").open("w+") as stream:
        report = show_progress("mine", stream)
        report(1, 2)
        report(2, 2)
        stream.seek(0)
        assert stream.read() == ""
