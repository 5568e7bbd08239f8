"""The shared tiny variants; see `tests.variants`."""

from __future__ import annotations

import pytest

from tests.variants import bench, one_thread  # noqa: F401


@pytest.fixture(autouse=True)
def _one_thread(one_thread):  # noqa: F811
    """Applies to every test of this folder."""
