"""Thinning meshes: distinct rows are what NumPy says they are."""

import numpy as np
import pytest

from multigen.scene.thin import unique_rows


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_distinct_rows_are_numpys_in_the_same_order(dtype) -> None:
    rows = np.random.default_rng(0).integers(-3, 4, (500, 3)).astype(dtype)
    distinct, where = unique_rows(rows)
    expected, inverse = np.unique(rows, axis=0, return_inverse=True)
    np.testing.assert_array_equal(distinct, expected)
    np.testing.assert_array_equal(where, inverse.reshape(-1))
    np.testing.assert_array_equal(distinct[where], rows)
