"""A Bento service that does nothing: what the server itself costs."""

import bentoml


@bentoml.service(name="no_op")
class NoOp:
    """Answers at once."""

    @bentoml.api(route="/nothing")  # type: ignore[untyped-decorator]
    def nothing(self) -> dict[str, int]:
        """An empty answer's worth of JSON."""
        return {"k": 0}
