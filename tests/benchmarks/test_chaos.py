"""The accidents: which happen, what is counted, and what is called clean."""

import json
import subprocess
from pathlib import Path

import psutil
import pytest
import yaml

from benchmarks.accidents import accident, scene, table, work
from benchmarks.accidents.accident import KINDS, Accident, Outcome
from benchmarks.accidents.disk import Disk
from benchmarks.accidents.scene import Scene
from tests.places import ROOT

PIPELINE = """
stages:
  use: {cmd: x, deps: [data/made/list.csv], outs: [models/used: {cache: false}]}
  make: {cmd: x, outs: [data/made], metrics: [metrics/make.json: {cache: false}]}
"""
LOCK = """schema: '2.0'
stages:
  make:
    cmd: x
    outs:
    - path: data/made
      md5: 11111111aa
  use:
    cmd: x
    deps:
    - path: data/made/list.csv
      md5: 22222222bb
    outs:
    - path: models/used
      md5: 33333333cc
"""
FILES = ("clone/data/made/list.csv", "clone/models/used", "clone/logs/use.lock", "clone/.dvc/tmp/lock")


@pytest.fixture
def small(tmp_path: Path) -> Scene:
    """A clone of two stages, as an undisturbed run left it."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    (tmp_path / "clone/dvc.yaml").write_text(PIPELINE)
    (tmp_path / "clone/dvc.lock").write_text(LOCK)
    scene.lay_out(tmp_path)
    disk = Disk(tmp_path, mounted=False)
    return Scene(disk, tmp_path, {"make": 1.0, "use": 1.0}, scene.content(tmp_path))


def test_200_accidents_are_of_every_kind_to_every_stage():
    stages = list(scene.stages_of(ROOT))
    planned = list(accident.plan(stages, 200, seed=7))
    assert len(planned) == 200
    assert {(one.kind, one.stage) for one in planned} == {(kind, stage) for kind in KINDS for stage in stages}
    assert planned == list(accident.plan(stages, 200, seed=7)) != list(accident.plan(stages, 200, seed=8))
    assert len(list(accident.plan(stages, 20, seed=7))) == 20
    assert all(0 <= one.share < 1 for one in planned)


def test_the_small_configuration_sets_what_params_yaml_has(tmp_path: Path):
    path = tmp_path / "params.yaml"
    path.write_bytes((ROOT / "params.yaml").read_bytes())
    scene.make_small(path)
    values = yaml.safe_load(path.read_text())
    assert values["tune_retrieval"]["n_trials"] == 2
    del values["sample"]["num_users"]
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(scene.SceneError, match="sample has no num_users"):
        scene.make_small(path)


def test_stages_come_after_those_whose_outputs_they_read(small: Scene):
    assert scene.order(small.clone) == ["make", "use"]


def test_an_unsettled_stage_has_no_outputs_and_another_hash_in_the_lock_and_no_other_has(small: Scene):
    small.unsettle("use")
    assert not (small.clone / "models/used").exists()
    assert (small.clone / "data/made/list.csv").exists()
    assert (small.clone / "dvc.lock").read_text() == LOCK.replace("33333333cc", "00000000cc")


def test_what_differs_is_told_from_what_is_left(small: Scene):
    assert (small.different("use"), small.leftovers()) == ([], [])
    (small.clone / "models/used").write_text("2")
    (small.clone / "logs/use.lock").write_text("another process")
    (small.clone / "models/.part.used").touch()
    (small.disk.folder / "tmp/litter").touch()
    (small.disk.folder / "bentoml/tmp").mkdir()
    (small.disk.folder / "bentoml/tmp/half").touch()
    assert small.different("use") == ["clone/models/used"]
    assert small.leftovers() == ["clone/models/.part.used", "tmp/litter", "bentoml/tmp/half"]


def test_trials_and_epochs_that_were_done_twice_are_counted(tmp_path: Path):
    said = "tune_a: trial 0: COMPLETE\ntune_a: trial 1: PRUNED\ntune_a: trial 0: COMPLETE\n"
    assert work.repeated_trials(said) == 1
    said = "train_a: epoch 1 of 3: loss 2\ntrain_a: epoch 2 of 3: loss 1\ntrain_a: epoch 1 of 3: loss 2\n"
    assert work.repeated_epochs(said, tmp_path / "none") == 1
    journal = tmp_path / "tune_a.journal"
    operations = [
        {"op_code": 7, "trial_id": 0},
        {"op_code": 7, "trial_id": 1},
        {"op_code": 7, "trial_id": 1},
        {"op_code": 6, "trial_id": 0, "state": 1},
        {"op_code": 6, "trial_id": 1, "state": 3},
    ]
    journal.write_text("".join(json.dumps(one) + "\n" for one in operations))
    assert work.repeated_epochs("", journal) == 2
    assert work.repeated_epochs("goes on after epoch 2, which logs/tune_a.epoch.npz holds", journal) == 0


def test_without_a_disk_of_its_own_processes_can_write_no_longer_files(tmp_path: Path):
    with subprocess.Popen(["sleep", "60"]) as process:
        Disk(tmp_path, mounted=False).fill(4096, [psutil.Process(process.pid)])
        assert psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE) == (4096, 4096)
        process.kill()


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("models/a.npz could not be written: [Errno 28] No space left on device", True),
        ("OSError: [Errno 28] No space left on device: '/x/reports/a.json'", True),
        ("failed.\n[Errno 28] No space left on device", False),
    ],
)
def test_a_message_about_a_full_disk_names_a_path_or_not(said: str, named: bool):
    assert accident.NO_SPACE.search(said)
    assert bool(accident.WITH_PATH.search(said)) == named


def test_the_table_counts_by_kind_and_says_what_was_not_kept():
    clean = Outcome(Accident(KINDS[0], "use", 0.5), struck=True, failed=True, recovered=True, seconds=3.0)
    bad = Outcome(Accident(KINDS[1], "use", 0.25), recovered=True, different=["a", "b"], epochs=2)
    counted = table.numbers([clean, bad])
    assert list(counted) == [KINDS[0], KINDS[1], table.ALL]
    assert counted[table.ALL]["different_files"] == 2
    assert counted[KINDS[0]]["seconds_median"] == 3.0
    assert table.broken([clean, bad]) == [
        f"{KINDS[1]}, use at 0.250: other bytes: ['a', 'b']; epochs repeated: 2"
    ]
    head, _, *rows = table.markdown(counted).splitlines()
    assert head.count("|") == rows[0].count("|")
    assert rows[-1].startswith("| all | 2 |")
