import json
from pathlib import Path

from marquee.pipeline import paths
from marquee.pipeline.params import Serving
from marquee.serving.packaging import contents
from marquee.serving.recommender.bundle_files import Parts
from tests.fixtures.tiny_pipeline import PARAMS, VALUES
from tests.serving import small

PARTS = Parts(
    query_tower=Path("won/query_tower.tflite"),
    dcn=Path("won/dcn.tflite"),
    settings=Path("exported/settings.json"),
    of_sources={"neighbours.npz": Path("neighbours/weights.npz")},
    catalogue=paths.Index(Path("index/catalogue")),
    additions=paths.Index(Path("index/additions")),
)


def test_a_bundle_holds_every_part_under_its_own_name_and_what_the_service_is_told():
    files = contents.collect(PARTS, VALUES, PARAMS.serving)
    assert {name: path for name, path in files.items() if isinstance(path, Path)} == {
        "query_tower.tflite": Path("won/query_tower.tflite"),
        "dcn.tflite": Path("won/dcn.tflite"),
        "settings.json": Path("exported/settings.json"),
        "neighbours.npz": Path("neighbours/weights.npz"),
        "catalogue/rows.npz": Path("index/catalogue/rows.npz"),
        "catalogue/titles.json": Path("index/catalogue/titles.json"),
        "additions/rows.npz": Path("index/additions/rows.npz"),
        "additions/titles.json": Path("index/additions/titles.json"),
    }
    assert json.loads(files["recommender.json"]) == VALUES.model_dump()  # type: ignore[arg-type]
    assert Serving.model_validate_json(files["serving.json"]) == PARAMS.serving  # type: ignore[arg-type]


def test_the_card_is_a_file_of_the_bundle():
    (written,) = contents.of_card(small.card()).items()
    name, content = written
    assert name == "model_card.json"
    assert json.loads(content) == small.card().model_dump()  # type: ignore[arg-type]
