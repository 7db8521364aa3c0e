"""Stage `fetch_data`: ratings and metadata from one source, in one schema, with a manifest."""

from marquee.data.sources import fetching
from marquee.pipeline import paths
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage


def run(params: Params, log: Log) -> None:
    """Fetch the source, write `data/raw`."""
    log.info("source %s, metadata %s", params.data.source, params.data.metadata)
    fetched = fetching.fetch(params.data, params.sample, params.seed)
    fetched.write(paths.RAW)
    log.info(
        "%d interactions, %d movies, %d with metadata; %d rows dropped",
        len(fetched.interactions),
        len(fetched.movies),
        len(fetched.metadata),
        fetched.rows_dropped,
    )
    if "feedback" in fetched.about:
        log.info("of these, recorded by the service: %s", fetched.about["feedback"])


if __name__ == "__main__":
    run_stage(run)
