"""MATLAB files are read as scipy reads them."""

import io

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from fuzz.sources import big_endian
from isthmus.data.matlab import variables

RNG = np.random.default_rng(0)
NUMBERS = {
    "u8": RNG.integers(0, 255, (12, 8, 9), dtype=np.uint8),
    "i16": RNG.integers(-99, 99, (3, 4), dtype=np.int16),
    "f4": RNG.random((3, 4, 2), dtype=np.float32),
    "f8": RNG.random((5, 1)),
    "i64": RNG.integers(-(2**60), 2**60, (3, 3)),
    "few": np.arange(12.0).reshape(3, 4),  # stored as bytes
    "scalar": np.array([[3.5]]),
    "empty": np.zeros((0, 3)),
    "logical": RNG.random((4, 5)) > 0.5,
}
OTHERS = {
    "z": np.ones((2, 2)) * 1j,
    "sparse": scipy.sparse.eye(5, format="csc"),
    "struct": {"a": 1, "b": np.arange(3)},
}


@pytest.mark.parametrize(
    "given", [{}, {"do_compression": True}, {"format": "4"}], ids=["5", "packed", "4"]
)
def test_what_scipy_writes_is_read_as_scipy_reads_it(tmp_path, given):
    path, old = tmp_path / "a.mat", "format" in given
    unknown = ("i64", "u8", "logical") if old else ()
    numbers = {name: array for name, array in NUMBERS.items() if name not in unknown}
    numbers = {name: array for name, array in numbers.items() if array.ndim == 2 or not old}
    others = {name: other for name, other in OTHERS.items() if not (old and name == "struct")}
    texts = {"text": np.array(["abc", "de"])}
    texts |= {} if old else {"more": "h\u00e4\u65e5", "cell": np.array(["ab", "c"], object)}
    scipy.io.savemat(path, numbers | others | texts, **given)
    found, expected = variables(path), scipy.io.loadmat(path)
    assert set(found) == set(numbers | others | texts)
    for name in numbers:
        values = found[name].read()
        np.testing.assert_array_equal(values, expected[name])
        assert values.dtype == expected[name].dtype or name == "logical"
    assert all(found[name].dtype == object for name in others)  # and so never offered
    assert [text.rstrip() for text in expected["text"]] == found["text"].read().tolist()
    for name in texts.keys() - {"text"}:
        assert found[name].read().ravel().tolist() == np.ravel(texts[name]).tolist()


def test_the_high_byte_may_come_first(tmp_path):
    content = big_endian(x=NUMBERS["u8"], y=NUMBERS["u8"][0])
    (tmp_path / "a.mat").write_bytes(content)
    expected = scipy.io.loadmat(io.BytesIO(content))
    for name, variable in variables(tmp_path / "a.mat").items():
        np.testing.assert_array_equal(variable.read(), expected[name])
