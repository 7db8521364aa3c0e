import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from stages import paths
from stages.serving import bundle
from stages.serving.bundle import BundleError
from tests.serving.conftest import Tiny


@pytest.fixture
def packaged(tiny: Tiny, tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    files = {path.name: path for path in (tiny.root / paths.EXPORTED.folder).iterdir()}
    bundle.write(files | {"recommender.json": b'{"num_candidates": 5, "rating_weight": 0.1}'}, folder)
    return folder


def test_a_packaged_bundle_opens_as_it_was_written(tiny: Tiny, packaged: Path):
    opened = bundle.open_packaged(packaged)
    np.testing.assert_array_equal(opened.bundle.candidates, tiny.bundle.candidates)
    np.testing.assert_array_equal(opened.bundle.movies.statistics.bias, tiny.bundle.movies.statistics.bias)
    assert opened.bundle.titles.title[3] == "Amélie 3"
    assert opened.recommender.num_candidates == 5
    assert opened.content_hash == json.loads((packaged / "manifest.json").read_text())["content_hash"]


def test_equal_contents_give_equal_files(tiny: Tiny, tmp_path: Path):
    for name in ("one", "two"):
        bundle.write_models(tiny.bundle, paths.Exported(tmp_path / name))
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(names) == 5
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_content_hash_tells_contents_and_names_apart(tmp_path: Path):
    hashes = [
        bundle.write(files, tmp_path / "bundle")
        for files in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"a": b"1"})
    ]
    assert hashes[0] == hashes[3]
    assert len(set(hashes)) == 3


def test_the_history_vectors_are_the_leading_columns_of_the_candidates(tiny: Tiny):
    assert tiny.bundle.history_vectors.shape == (1200, 8)
    np.testing.assert_array_equal(tiny.bundle.history_vectors, tiny.bundle.candidates[:, :8])


def test_a_bundle_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(BundleError, match=r"There is no bundle: .*manifest.json is missing. Run `dvc repro"):
        bundle.open_packaged(tmp_path / "bundle")


def test_a_corrupted_file_is_refused_by_name(packaged: Path):
    file = packaged / "catalogue.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(BundleError, match=r"catalogue.npz is corrupted: its SHA-256 is .* the manifest says"):
        bundle.open_packaged(packaged)


def test_a_missing_file_is_refused_by_name(packaged: Path):
    (packaged / "dcn.tflite").unlink()
    with pytest.raises(BundleError, match=r"dcn.tflite is missing, though the manifest lists it"):
        bundle.open_packaged(packaged)


def test_an_older_schema_is_refused_with_both_versions(packaged: Path):
    _change_manifest(packaged, schema_version=0)
    with pytest.raises(BundleError, match="has schema version 0; this code reads version 1"):
        bundle.open_packaged(packaged)


def test_an_altered_manifest_is_refused(packaged: Path):
    manifest = json.loads((packaged / "manifest.json").read_text())
    del manifest["files"]["movies.json"]
    (packaged / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"manifest.json was altered"):
        bundle.open_packaged(packaged)


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_manifest_that_is_no_json_object_is_refused(packaged: Path, text: str):
    (packaged / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match=r"manifest.json (is not valid JSON|must hold a JSON object)"):
        bundle.open_packaged(packaged)


def test_models_trained_on_other_features_are_refused(tiny: Tiny, tmp_path: Path):
    exported = paths.Exported(tmp_path / "exported")
    shutil.copytree(tiny.root / paths.EXPORTED.folder, exported.folder)
    settings = json.loads(exported.settings.read_text())
    settings["ranking_features"] = settings["ranking_features"][1:]
    exported.settings.write_text(json.dumps(settings))
    with pytest.raises(BundleError, match="the models were trained on ranking_features user_bias"):
        bundle.read_models(exported)


def test_unreadable_models_are_refused_by_folder(tiny: Tiny, tmp_path: Path):
    exported = paths.Exported(tmp_path / "exported")
    shutil.copytree(tiny.root / paths.EXPORTED.folder, exported.folder)
    exported.catalogue.write_bytes(b"PK not a zip")
    with pytest.raises(BundleError, match=r"exported cannot be read: .*Run `dvc repro export_models`"):
        bundle.read_models(exported)


def test_a_failed_write_leaves_the_bundle_that_was_there(packaged: Path):
    before = bundle.verify(packaged)
    with pytest.raises(FileNotFoundError):
        bundle.write({"a": b"1", "b": packaged / "not there"}, packaged)
    assert bundle.verify(packaged) == before
    assert [path.name for path in packaged.parent.iterdir()] == ["bundle"]


def test_a_new_bundle_replaces_all_of_the_old_one(packaged: Path):
    bundle.write({"a": b"1"}, packaged)
    assert sorted(path.name for path in packaged.iterdir()) == ["a", "manifest.json"]
    assert bundle.total_bytes({"a": b"1", "b": packaged / "a"}) == 2


def _change_manifest(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
