"""Bento services that do nothing: what the server itself costs, as it comes and with Marquee's settings."""

import bentoml

from marquee.serving.service.service import service


@bentoml.service(name="no_op")
class NoOp:
    """Answers at once."""

    @bentoml.api(route="/nothing")  # type: ignore[untyped-decorator]
    def nothing(self) -> dict[str, int]:
        """An empty answer's worth of JSON."""
        return {"k": 0}


@bentoml.service(name="no_op_as_marquee", **(service.config | {"workers": 1}))
class NoOpAsMarquee:
    """Answers at once, without a thread of its own, access log, metrics and spans, as Marquee does."""

    @bentoml.api(route="/nothing")  # type: ignore[untyped-decorator]
    async def nothing(self) -> dict[str, int]:
        """An empty answer's worth of JSON."""
        return {"k": 0}
