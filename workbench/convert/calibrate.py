"""Measures the ranges of a graph's tensors on sample inputs, one sample at a time, so that memory stays bounded."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from unittest import mock

from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, calibrate, create_calibrator
from onnxruntime.quantization.calibrate import save_tensors_data

from workbench.models.samples import Feed
from workbench.models.variant import Variant
from workbench.runners import open_runner
from workbench.runners.onnxruntime import OnnxRunner

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}


class _Single(CalibrationDataReader):
    """Hands out one feed, once."""

    def __init__(self, feed: Feed) -> None:
        self._feeds = iter((feed,))

    def get_next(self) -> Feed | None:
        return next(self._feeds, None)


def calibrate_ranges(
    parent: Variant,
    prepared: Path,
    file_name: str,
    feeds: Sequence[Feed],
    *,
    method: str,
    operators: Iterable[str],
    large: bool = False,
) -> Path:
    """Measures the ranges in one file of a variant.

    Args:
        parent: The fp32 variant; it is run to learn what this file is fed (a decoder gets the encoder's states).
        prepared: The file as it will be quantized.
        file_name: Which of the variant's files it is.
        feeds: The sample inputs.
        method: A key of `METHODS`.
        operators: Tensors around these operators are measured.
        large: Whether the weights need a file of their own.

    Returns:
        A file beside `prepared` that `onnxruntime.quantization.quantize_static` reads.
    """
    ranges = prepared.with_suffix(".ranges.json")
    with (
        tempfile.TemporaryDirectory(dir=prepared.parent) as folder,
        open_runner(parent, device="cpu") as runner,
    ):
        assert isinstance(runner, OnnxRunner)
        calibrator = create_calibrator(
            prepared,
            list(operators),
            augmented_model_path=str(Path(folder) / "augmented.onnx"),
            calibrate_method=METHODS[method],
            use_external_data_format=large,
        )
        # The calibrators print what they are at; without touching what another thread prints.
        with mock.patch.object(calibrate, "print", create=True):
            for feed in feeds:
                for name, inputs, _ in runner.calls(feed):
                    if name == file_name:
                        calibrator.collect_data(_Single(inputs))
            save_tensors_data(calibrator.compute_data(), ranges)
    return ranges
