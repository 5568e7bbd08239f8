"""The digits demo's data: those of the installed scikit-learn, split by a seed, and our own drawings."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from workbench.demo import digits_dataset, draw_digit
from workbench.demo.digits.draw import LEVELS, make_image

ROOT = Path(__file__).parents[2]
# Hidden, not refused: others look whether it is there, and go on without it.
WITHOUT_SKLEARN = """
import sys
from importlib.machinery import PathFinder

class Hide(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "sklearn" else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hide
"""


@pytest.fixture(scope="module")
def validation() -> list[dict[str, Any]]:
    return digits_dataset("validation")


def _run(code: str) -> str:
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return out.stdout.strip()


def _levels(image: Any) -> list[int]:
    return [round(value * LEVELS / 255) for value in image.getchannel("R").tobytes()]


def test_the_splits_share_no_digit_and_leave_none_out(validation: list[dict[str, Any]]):
    train = digits_dataset("train")
    assert (len(train), len(validation)) == (1_200, 597)
    ids = {record["id"] for record in train} | {record["id"] for record in validation}
    assert len(ids) == 1_797


def test_the_split_is_the_one_that_the_model_was_trained_with(validation: list[dict[str, Any]]):
    # Another order would let the model be measured on what it has seen.
    assert [record["id"] for record in validation[:4]] == [
        "digit-456",
        "digit-1102",
        "digit-1144",
        "digit-1542",
    ]


def test_pictures_are_those_of_scikit_learn(validation: list[dict[str, Any]]):
    from sklearn.datasets import load_digits

    digits = load_digits()
    for record in validation[::40]:
        place = int(record["id"].removeprefix("digit-"))
        assert record["label"] == digits.target[place]
        assert (record["image"].size, record["image"].mode) == ((8, 8), "RGB")
        assert _levels(record["image"]) == digits.images[place].astype(int).ravel().tolist()


def test_every_digit_is_there_often(validation: list[dict[str, Any]]):
    counts = Counter(record["label"] for record in validation)
    assert sorted(counts) == list(range(10))
    assert min(counts.values()) > 40


def test_limit_takes_the_first_records(validation: list[dict[str, Any]]):
    assert digits_dataset("validation", limit=5) == validation[:5]
    assert digits_dataset(limit=10**6) == validation


def test_bad_arguments_say_what_to_do():
    with pytest.raises(ValueError, match="train, validation"):
        digits_dataset("test")
    for limit in (0, -3, 2.5, True, "10"):
        with pytest.raises(ValueError, match="at least 1"):
            digits_dataset(limit=limit)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="from 0 to 9"):
        draw_digit(10)


def test_without_scikit_learn_the_data_say_how_to_get_them():
    code = (
        f"{WITHOUT_SKLEARN}\nfrom workbench.demo import digits_dataset\n"
        "try:\n    digits_dataset(limit=1)\nexcept ImportError as error:\n    print(error)"
    )
    assert _run(code).endswith(": pip install scikit-learn")


def test_without_scikit_learn_the_model_loads_and_reads():
    code = (
        f"{WITHOUT_SKLEARN}\nimport workbench as wb; source = wb.load_model('demo/digits');"
        "found = wb.make_pipeline(source)(source.examples[7]); print(found[0]['label'])"
    )
    assert _run(code).endswith("7")


def test_a_drawing_has_shades_and_is_the_same_every_time():
    for digit in range(10):
        image = draw_digit(digit, seed=3)
        levels = _levels(image)
        assert image.tobytes() == draw_digit(digit, seed=3).tobytes()
        assert image.tobytes() != draw_digit(digit, seed=4).tobytes()
        assert (image.size, image.mode) == ((8, 8), "RGB")
        assert max(levels) >= 12
        assert 5 < sum(0 < level < LEVELS for level in levels) < 50


def test_no_two_digits_are_drawn_alike():
    assert len({draw_digit(digit).tobytes() for digit in range(10)}) == 10


def test_levels_become_shades_of_grey():
    image = make_image([[0, 8, 16]])
    assert [image.getpixel((x, 0)) for x in range(3)] == [(0, 0, 0), (128, 128, 128), (255, 255, 255)]


def test_drawing_needs_neither_torch_nor_scikit_learn():
    code = (
        "import sys; from workbench.demo import draw_digit; draw_digit(1);"
        "print([m for m in ('torch', 'transformers', 'numpy', 'sklearn') if m in sys.modules])"
    )
    assert _run(code) == "[]"
