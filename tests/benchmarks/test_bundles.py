from pathlib import Path

from benchmarks import bundles
from marquee.pipeline import paths
from marquee.serving.recommender import bundle_files
from marquee.serving.recommender.bundle import open_packaged
from tests.fixtures.tiny_pipeline import VALUES, Tiny
from tests.serving import live


def test_a_bundle_is_packaged_once_more_with_other_knobs_and_else_the_same(tiny: Tiny, tmp_path: Path):
    repository, folder = tmp_path / "repository", tmp_path / "folder"
    repository.mkdir()
    folder.mkdir()
    live.lay_out(repository, tiny)
    content_hash = live.write_bundle(tiny, repository / paths.BUNDLE)
    other = bundles.lay_out(repository, folder, {bundle_files.RECOMMENDER: {"rating_weight": 7.0}})
    packaged = open_packaged(other)
    assert packaged.recommender == VALUES.model_copy(update={"rating_weight": 7.0})
    assert packaged.content_hash != content_hash
    assert {path.name for path in folder.iterdir()} == {"bentofile.yaml", "marquee", "models"}
    same = bundles.repackage(repository / paths.BUNDLE, tmp_path / "same", {})
    assert same == content_hash
