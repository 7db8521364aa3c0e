import contextlib
import json
from pathlib import Path

import numpy as np
import pytest

from marquee.serving.recommender import bundle, bundle_files, manifest
from marquee.serving.recommender.manifest import BundleError
from tests.fixtures.tiny_pipeline import ADDED_ID, MOVIES, VALUES, Tiny


@pytest.fixture
def packaged(tiny: Tiny, tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    with contextlib.chdir(tiny.root):
        files: dict[str, Path | bytes] = dict(bundle_files.parts_of_pipeline(additions=True).named())
        manifest.write(files | {bundle_files.RECOMMENDER: VALUES.model_dump_json().encode()}, folder)
    return folder


def test_a_packaged_bundle_opens_as_it_was_written(tiny: Tiny, packaged: Path):
    opened = bundle.open_packaged(packaged)
    np.testing.assert_array_equal(opened.bundle.index.candidates, tiny.bundle.index.candidates)
    np.testing.assert_array_equal(
        opened.bundle.index.movies.statistics.bias, tiny.bundle.index.movies.statistics.bias
    )
    assert opened.bundle.titles.title[3] == "Amélie 3"
    assert opened.recommender == VALUES
    assert opened.content_hash == json.loads((packaged / "manifest.json").read_text())["content_hash"]


def test_movies_added_later_stand_behind_those_of_the_data_and_can_be_left_out(tiny: Tiny):
    with contextlib.chdir(tiny.root):
        without = bundle.read(bundle_files.parts_of_pipeline(additions=False))
    assert len(without.index) == MOVIES
    assert len(tiny.bundle.index) == MOVIES + 1
    assert tiny.bundle.titles.movie_id[-1] == ADDED_ID
    np.testing.assert_array_equal(tiny.bundle.index.candidates[:MOVIES], without.index.candidates)


def test_the_content_hash_tells_contents_and_names_apart(tmp_path: Path):
    hashes = [
        manifest.write(files, tmp_path / "bundle")
        for files in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"a": b"1"})
    ]
    assert hashes[0] == hashes[3]
    assert len(set(hashes)) == 3


def test_the_history_vectors_are_the_leading_columns_of_the_candidates(tiny: Tiny):
    assert tiny.bundle.history_vectors.shape == (MOVIES + 1, 8)
    np.testing.assert_array_equal(tiny.bundle.history_vectors, tiny.bundle.index.candidates[:, :8])


def test_a_bundle_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(BundleError, match=r"There is no bundle: .*manifest.json is missing. Run `dvc repro"):
        bundle.open_packaged(tmp_path / "bundle")


def test_a_corrupted_file_is_refused_by_name(packaged: Path):
    file = packaged / "catalogue/rows.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(BundleError, match=r"rows.npz is corrupted: its SHA-256 is .* the manifest says"):
        bundle.open_packaged(packaged)


def test_a_missing_file_is_refused_by_name(packaged: Path):
    (packaged / "dcn.tflite").unlink()
    with pytest.raises(BundleError, match=r"dcn.tflite is missing, though the manifest lists it"):
        bundle.open_packaged(packaged)


@pytest.mark.parametrize("name", ["notes.txt", "catalogue/extra.npz", "deep/er/.hidden"])
def test_a_file_that_the_manifest_does_not_list_is_refused_by_name(packaged: Path, name: str):
    (packaged / name).parent.mkdir(parents=True, exist_ok=True)
    (packaged / name).write_text("anything")
    with pytest.raises(BundleError, match=rf"bundle holds {name}, which the manifest does not list"):
        bundle.open_packaged(packaged)


def test_a_folder_linked_into_a_bundle_is_refused(packaged: Path, tmp_path: Path):
    (packaged / "elsewhere").symlink_to(tmp_path)
    with pytest.raises(BundleError, match="bundle holds elsewhere, which the manifest does not list"):
        bundle.open_packaged(packaged)


def test_an_older_schema_is_refused_with_both_versions(packaged: Path):
    _change_manifest(packaged, schema_version=0)
    with pytest.raises(BundleError, match="has schema version 0; this code reads version 2"):
        bundle.open_packaged(packaged)


def test_an_altered_manifest_is_refused(packaged: Path):
    manifest = json.loads((packaged / "manifest.json").read_text())
    del manifest["files"]["catalogue/titles.json"]
    (packaged / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"manifest.json was altered"):
        bundle.open_packaged(packaged)


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_manifest_that_is_no_json_object_is_refused(packaged: Path, text: str):
    (packaged / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match=r"manifest.json (is not valid JSON|must hold a JSON object)"):
        bundle.open_packaged(packaged)


def test_models_trained_on_other_features_are_refused(packaged: Path):
    parts = bundle_files.parts_of(packaged)
    settings = json.loads(parts.settings.read_text())
    settings["ranking_features"] = settings["ranking_features"][1:]
    parts.settings.write_text(json.dumps(settings))
    with pytest.raises(BundleError, match="the models were trained on ranking_features user_bias"):
        bundle.read(parts)


def test_unreadable_models_are_refused_by_folder(packaged: Path):
    parts = bundle_files.parts_of(packaged)
    parts.catalogue.rows.write_bytes(b"PK not a zip")
    with pytest.raises(BundleError, match=r"bundle cannot be read: .*Run `dvc repro`"):
        bundle.read(parts)


def test_without_a_winner_the_pipeline_has_no_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError, match=r"winner.json cannot be read: .*Run `dvc repro export_models`"):
        bundle_files.parts_of_pipeline(additions=True)


def test_a_failed_write_leaves_the_bundle_that_was_there(packaged: Path):
    before = manifest.verify(packaged)
    with pytest.raises(FileNotFoundError):
        manifest.write({"a": b"1", "b": packaged / "not there"}, packaged)
    assert manifest.verify(packaged) == before
    assert [path.name for path in packaged.parent.iterdir()] == ["bundle"]


def test_a_new_bundle_replaces_all_of_the_old_one(packaged: Path):
    manifest.write({"a": b"1"}, packaged)
    assert sorted(path.name for path in packaged.iterdir()) == ["a", "manifest.json"]
    assert manifest.total_bytes({"a": b"1", "b": packaged / "a"}) == 2


def _change_manifest(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
