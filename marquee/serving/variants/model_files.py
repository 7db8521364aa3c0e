"""The files of both models, as every variant stores them."""

from marquee.models.ranking.dcn import Dcn, ExportedDcn
from marquee.models.retrieval.fitting import FittedTwoTower
from marquee.pipeline.files import write_whole
from marquee.pipeline.paths import Exported
from marquee.serving.export import conversion


def write(two_tower: FittedTwoTower, dcn: Dcn, num_movies: int, exported: Exported) -> None:
    """Write the candidate tower once, and the query tower and the ranker in every variant.

    Args:
        two_tower: trained.
        dcn: trained.
        num_movies: of the catalogue, to try on that a history needs no more than its movies' vectors.
        exported: where the files go.
    """
    knobs, model = two_tower.params, two_tower.model
    conversion.require_history_vectors(model, num_movies, knobs.embedding_dim)
    candidate = conversion.candidate_function(
        model, two_tower.catalogue.content.shape[1], two_tower.catalogue.names.shape[1]
    )
    content = conversion.to_bytes(candidate, model.encoder.variables)
    write_whole(exported.candidate_tower, lambda temporary: temporary.write_bytes(content))
    query = conversion.query_function(model.query_tower, knobs.history_length, knobs.embedding_dim)
    conversion.write_variants("query_tower", query, model.query_tower.variables, exported)
    ranker = ExportedDcn(dcn)  # a name of its own: TensorFlow's methods do not keep their object alive
    conversion.write_variants("dcn", ranker.predict, dcn.variables, exported)
