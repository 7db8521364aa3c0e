import hashlib
import zipfile

import numpy as np
import pytest

from marquee.pipeline import arrays

TWO = {
    "stars": np.array([0.5, 5.0], dtype=np.float32),
    "movie_index": np.arange(6, dtype=np.int32).reshape(2, 3),
}


def test_what_is_written_is_read_in_order_with_types_and_shapes(tmp_path):
    arrays.write(TWO, tmp_path / "two.npz")
    found = arrays.read(tmp_path / "two.npz")
    assert list(found) == ["stars", "movie_index"]
    for name, array in TWO.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_the_bytes_are_these_under_every_python(tmp_path):
    arrays.write(TWO, tmp_path / "two.npz")
    digest = hashlib.sha256((tmp_path / "two.npz").read_bytes()).hexdigest()
    assert digest == "9b66755e093bc408e39c9b4b895bb4d76ea9221ee35e7a4579c701f670818fb5"


def test_no_header_needs_64_bit_sizes(tmp_path):
    arrays.write(TWO, tmp_path / "two.npz")
    with zipfile.ZipFile(tmp_path / "two.npz") as archive:
        members = archive.infolist()
    assert [member.extract_version for member in members] == [zipfile.DEFAULT_VERSION] * 2
    # The header of the first member: its name, no extra field, then the array.
    assert members[1].header_offset == 30 + len("stars.npy") + members[0].file_size


def test_python_objects_are_refused_and_leave_no_file(tmp_path):
    with pytest.raises(ValueError, match=r"[Oo]bject arrays"):
        arrays.write({"names": np.array([["a"], None], dtype=object)}, tmp_path / "objects.npz")
    assert list(tmp_path.iterdir()) == []
