"""Stage: one source of ratings and its metadata -> data/raw, in one schema, with a manifest."""

from marquee.data.sources import fetching
from marquee.pipeline import paths
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage


def run(params: Params, log: Log) -> None:
    """Fetch the source that `data` names and write its tables and manifest."""
    fetching.fetch(paths.RAW, params.data, params.sample, params.seed)


if __name__ == "__main__":
    run_stage(run)
