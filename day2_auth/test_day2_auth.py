"""What a client sees of passwords and tokens: who gets in, for how long, and who does not."""

import json
import math
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from jose import jws

from workbook.checks import Api, Reply, Serve, Settings, expect, fail, hash_password, task
from workbook.runner import Failed
from workbook.text import _

Claims = dict[str, Any]

HOUR = 3600
DAY = 24 * HOUR
# The app's clock stands in another zone than UTC (see Settings): this is what forgetting it costs.
ZONE = 3 * HOUR
A_TOKEN = re.compile(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
AN_ID_OR_A_TIME = re.compile(r"[0-9a-f-]{32,36}|\d{4}-\d\d-\d\d[T ][\d:.]+")


class Pair(NamedTuple):
    access: str
    refresh: str


def succeeded(reply: Reply) -> bool:
    return 200 <= reply.status < 300


def accepted(reply: Reply, otherwise: str | Callable[[Reply], str | None] | None = None) -> Reply:
    """Any 2xx: the contract names none."""
    return reply if succeeded(reply) else reply.should_be(200, otherwise)


def refused(reply: Reply, otherwise: str | None = None) -> Reply:
    """Any 4xx, where the contract names none."""
    return reply if 400 <= reply.status < 500 else reply.should_be(401, otherwise)


def login(api: Api, username: str, password: str) -> Reply:
    return api.post("/login", {"username": username, "password": password})


def lets_in(reply: Reply) -> bool:
    """Whether an answer of /login holds a token, under whatever name."""
    return succeeded(reply) and bool(A_TOKEN.search(reply.text))


def sign(claims: Any, key: str, algorithm: str = "HS256") -> str:
    payload = claims if isinstance(claims, dict) else json.dumps(claims).encode()
    return str(jws.sign(payload, key, algorithm=algorithm))


def read(token: str, settings: Settings) -> Claims:
    """The claims of a token signed with the app's secret. Raises, whatever is wrong with it."""
    return dict(json.loads(jws.verify(token, settings.jwt_secret, "HS256")))


def pair(api: Api, settings: Settings) -> Pair:
    """The tokens of a new session.

    They are the app's own, since it may keep a list of what it issued, unless they are not what they should
    be: then they are made here, so that a mistake in issuing is told in its own tasks only.
    """
    reply = login(api, "admin", settings.password)
    return Pair(own(reply, "access", settings) or made("access", settings), own(reply, "refresh", settings) or made("refresh", settings))


def own(reply: Reply, kind: str, settings: Settings) -> str | None:
    try:
        token = json.loads(reply.text)[f"{kind}_token"]
        claims = read(token, settings)
        sound = claims["type"] == kind and claims["sub"] == "admin" and claims["jti"] and claims["exp"] > time.time() + 60
    except Exception:
        return None
    return token if sound else None


def made(kind: str, settings: Settings) -> str:
    now = int(time.time())
    claims = {"sub": "admin", "iat": now, "exp": now + HOUR, "jti": secrets.token_hex(16), "type": kind}
    return sign(claims, settings.jwt_secret)


# 2.1


def says_why(failed: Failed) -> bool:
    """Whether the program names the variable itself, not only a line of it in a traceback."""
    printed = [line for line in failed.log.splitlines() if not line.startswith("    ")]
    return "jwt_secret_key" in "\n".join([failed.message, *printed]).lower()


def not_told(failed: Failed) -> str:
    return _("It does not start, which is right, but does not say why: name JWT_SECRET_KEY in the error's text.")


@task("2.1")
def test_without_a_secret_it_does_not_start(serve):
    default = _("Is there a default secret in the code, as in `os.getenv(…, \"…\")`? Who reads it can sign tokens.")
    failed = serve.refused(JWT_SECRET_KEY=None, otherwise=default)
    expect(failed.message, _("the error")).to_hold(lambda _said: says_why(failed), "JWT_SECRET_KEY …", not_told(failed))
