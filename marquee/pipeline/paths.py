"""Every path of the pipeline, in the order the data flows: the map of the repository.

Paths are relative to the repository's root, where DVC runs every stage.
"""

from dataclasses import dataclass
from pathlib import Path

PARAMS = Path("params.yaml")
SAMPLE_FILMS = Path("data/sample/films.csv")
LOGS = Path("logs")
"""Logs and unfinished sweeps: no promise rests on them, Git and DVC ignore them."""


@dataclass(frozen=True)
class Raw:
    """What `fetch_data` writes: the source's tables in one schema (`marquee/data/tables/schema.py`)."""

    folder: Path

    @property
    def interactions(self) -> Path:
        return self.folder / "interactions.parquet"

    @property
    def movies(self) -> Path:
        return self.folder / "movies.parquet"

    @property
    def metadata(self) -> Path:
        return self.folder / "metadata.parquet"

    @property
    def oracle(self) -> Path:
        return self.folder / "oracle.parquet"

    @property
    def feedback(self) -> Path:
        """Only where `data.feedback` names a folder."""
        return self.folder / "feedback.parquet"

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.json"


@dataclass(frozen=True)
class Processed:
    """What `preprocess_data` writes and every model reads."""

    folder: Path

    @property
    def interactions(self) -> Path:
        return self.folder / "interactions.parquet"

    @property
    def movies(self) -> Path:
        return self.folder / "movies.parquet"

    @property
    def movie_features(self) -> Path:
        return self.folder / "movie_features.npz"

    @property
    def movie_encoder(self) -> Path:
        return self.folder / "movie_encoder.npz"

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.json"


@dataclass(frozen=True)
class Model:
    """One model's folder: the sweep's winner, then the weights trained with it."""

    folder: Path

    @property
    def best_params(self) -> Path:
        return self.folder / "best_params.yaml"

    @property
    def weights(self) -> Path:
        return self.folder / "weights.npz"


@dataclass(frozen=True)
class Sweep:
    """What a sweep reports, for `draw_training` to draw."""

    folder: Path

    @property
    def trials(self) -> Path:
        return self.folder / "trials.csv"

    @property
    def summary(self) -> Path:
        return self.folder / "summary.json"


@dataclass(frozen=True)
class Exported:
    """What `export_models` writes: the models for a CPU, and what training left of every movie."""

    folder: Path

    @property
    def candidate_tower(self) -> Path:
        return self.folder / "candidate_tower.tflite"

    @property
    def trained(self) -> Path:
        return self.folder / "trained.npz"

    @property
    def settings(self) -> Path:
        return self.folder / "settings.json"

    @property
    def winner(self) -> Path:
        return self.folder / "winner.json"

    def variant(self, name: str) -> Path:
        return self.folder / name


@dataclass(frozen=True)
class Index:
    """What `index_catalogue` writes of some movies: rows of the index, and what a page shows."""

    folder: Path

    @property
    def rows(self) -> Path:
        return self.folder / "rows.npz"

    @property
    def titles(self) -> Path:
        return self.folder / "titles.json"


@dataclass(frozen=True)
class Events:
    """What the service recorded, and the tables made of it; neither Git nor the main pipeline knows them."""

    folder: Path

    @property
    def segments(self) -> Path:
        return self.folder / "segments"

    @property
    def tables(self) -> Path:
        """What `collect_events` makes of segments: a folder per day."""
        return self.folder / "tables"

    @property
    def reference(self) -> Path:
        """What `build_reference` knows of the requests that a bundle was evaluated on."""
        return self.folder / "reference.npz"

    @property
    def last_retrain(self) -> Path:
        """When retraining was last tried, whoever won."""
        return self.folder / "last_retrain.json"


RAW = Raw(Path("data/raw"))
PROCESSED = Processed(Path("data/processed"))
RETRIEVAL = Model(Path("models/retrieval"))
RANKING = Model(Path("models/ranking"))
NEIGHBOURS = Model(Path("models/neighbours"))
RECOMMENDER = Model(Path("models/recommender"))
EXPORTED = Exported(Path("models/exported"))
ADDITIONS = Path("data/additions.csv")
CATALOGUE_INDEX = Index(Path("models/index/catalogue"))
ADDITIONS_INDEX = Index(Path("models/index/additions"))
BUNDLE = Path("models/bundle")
CHAMPION = Path("models/champion")
CHALLENGER = Path("models/challenger")
"""Copies of bundles that a running service watches; without a champion it serves BUNDLE."""
PREVIOUS = Path("models/previous")
"""The champion before the champion, for a rollback."""
ARCHIVE = Path("models/archive")
"""Bundles fetched from DVC to replay answers with, one folder per content hash; delete them at will."""
EVENTS = Events(Path("data/events"))
PACKAGED = Path("reports/package_service/bundle.json")
"""The manifest of BUNDLE, small enough for Git: what finds the commit of a bundle's content hash."""


def metrics(stage: str) -> Path:
    """The DVC metrics file of a stage, named as the stage is."""
    return Path("metrics") / f"{stage}.json"


def reports(stage: str) -> Path:
    """The report folder of a stage, named as the stage is."""
    return Path("reports") / stage


def sweep(stage: str) -> Sweep:
    """The report folder of a `tune_*` stage."""
    return Sweep(reports(stage))


def checkpoint(stage: str) -> Path:
    """Where the training of a stage stands after an epoch, until it is over."""
    return LOGS / f"{stage}.epoch.npz"


def losses(stage: str) -> Path:
    """The loss of each epoch, as a `train_*` stage reports it."""
    return reports(stage) / "loss.csv"
