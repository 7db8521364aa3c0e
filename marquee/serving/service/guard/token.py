"""A secret that whoever asks must know, where one is set."""

import base64
import binascii
import hmac
import os

from starlette.types import ASGIApp, Receive, Scope, Send

from marquee.serving.service.refusal import Refused

TOKEN = "MARQUEE_TOKEN"
"""Environment variable: the secret. Unset: everybody is answered."""
SHORTEST = 16
"""Characters of a secret that cannot be guessed by trying."""
OPEN = frozenset({"/livez", "/readyz", "/healthz"})
"""Kubernetes and load balancers ask without one."""
CHALLENGE = 'Bearer realm="marquee", Basic realm="marquee", charset="UTF-8"'
"""Programs send the token as Bearer; a browser asks its user, and takes it as the password of any name."""


def of_environment() -> str | None:
    """The token; None where there is none.

    Raises:
        ValueError: it is set, but too short: an empty one would let in nobody, or everybody.
    """
    token = os.environ.get(TOKEN)
    if token is not None and len(token) < SHORTEST:
        raise ValueError(
            f"{TOKEN} must have at least {SHORTEST} characters; it has {len(token)}. Set it to a secret "
            "(`openssl rand -hex 32`), or unset it to answer everybody."
        )
    return token


class Token:
    """ASGI middleware that lets through who knows the token."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        token = of_environment()
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 401."""
        if self._token is None or scope["type"] != "http" or scope["path"] in OPEN:
            await self.app(scope, receive, send)
            return
        given = [_secret(value) for name, value in scope["headers"] if name == b"authorization"]
        if len(given) == 1 and hmac.compare_digest(given[0], self._token):  # in the same time, however wrong
            await self.app(scope, receive, send)
            return
        refused = Refused.because(401, "send the service's token: Authorization: Bearer ...")
        refused.headers = {"WWW-Authenticate": CHALLENGE}
        await refused.response()(scope, receive, send)


def _secret(authorization: bytes) -> bytes:
    """What an Authorization header tells; empty where it tells nothing."""
    scheme, _, value = authorization.partition(b" ")
    if scheme.lower() == b"bearer":
        return value.strip()
    if scheme.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(value, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
