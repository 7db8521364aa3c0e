"""The embedded sample as a source of ratings."""

import pandas as pd
import pooch
import pyarrow as pa

from marquee.data.sample.sample import simulate
from marquee.data.sources import licences
from marquee.data.sources.loading import Fetched, Loader, Request
from marquee.data.tables import schema


def load(request: Request) -> Fetched:
    """Simulate people rating the films of the catalogue.

    Raises:
        FilmsError: the catalogue breaks a rule.
        SampleError: the sizes contradict each other or the catalogue.
    """
    simulated = simulate(request.films, request.sample, request.seed)
    checksum = str(pooch.file_hash(str(request.films), alg="md5"))
    return Fetched(
        interactions=_as_table(simulated.interactions, schema.INTERACTIONS),
        movies=_as_table(simulated.movies, schema.MOVIES),
        metadata=_as_table(simulated.metadata, schema.METADATA),
        about={"source": request.source, "simulated": True, "md5": {request.films.name: checksum}},
        licences=[licences.SAMPLE],
        oracle=_as_table(simulated.oracle, schema.ORACLE),
    )


def _as_table(frame: pd.DataFrame, kind: pa.Schema) -> pa.Table:
    table = pa.Table.from_pandas(frame[kind.names], schema=kind, preserve_index=False)
    return table.replace_schema_metadata(None)


LOADER = Loader(load, names=("sample",))
