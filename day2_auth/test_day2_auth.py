"""What a client sees of passwords and tokens: who gets in, for how long, and who does not."""

import base64
import json
import math
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from jose import jws

from workbook.checks import Api, Reply, Serve, Settings, expect, fail, task
from workbook.runner import Failed
from workbook.text import _

HOUR = 3600
DAY = 24 * HOUR
# How far the app's clock is from UTC (Settings sees to that): what forgetting the zone costs.
ZONE = 3 * HOUR
JWT = re.compile(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
ID_OR_TIME = re.compile(r"[0-9a-f-]{32,36}|\d{4}-\d\d-\d\d[T ][\d:.]+")
OI = {"message": "oi"}


class Pair(NamedTuple):
    access: str
    refresh: str


def succeeded(reply: Reply) -> bool:
    """Any 2xx: the contract names none."""
    return 200 <= reply.status < 300


def accepted(reply: Reply, otherwise: str | Callable[[Reply], str | None] | None = None) -> Reply:
    return reply if succeeded(reply) else reply.should_be(200, otherwise)


def refused(reply: Reply, otherwise: str) -> Reply:
    """Any 4xx, where the contract does not say which."""
    return reply if 400 <= reply.status < 500 else reply.should_be(401, otherwise)


def login(api: Api, username: str, password: str) -> Reply:
    return api.post("/login", {"username": username, "password": password})


def renew(api: Api, token: str) -> Reply:
    return api.post("/refresh", {"refresh_token": token})


def sign(claims: Any, key: str, algorithm: str = "HS256") -> str:
    return str(jws.sign(json.dumps(claims).encode(), key, algorithm=algorithm))


def read(token: str, kind: str, settings: Settings) -> dict[str, Any]:
    """The claims of a token, which must be signed with the app's secret. Raises whatever is wrong with it."""
    # The contract leaves a program free to sign its refresh tokens with a key of their own.
    return dict(json.loads(jws.verify(token, settings.jwt_secret, "HS256", verify=kind == "access")))


def encoded(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def without(claims: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


def pair(api: Api, settings: Settings) -> Pair:
    """The two tokens of a new session.

    The app's own, as it may keep a list of those it issued; but made here where the app's are not what they
    should be, so that a mistake in issuing is told in its own tasks alone.
    """
    reply = login(api, "admin", settings.password)
    return Pair(*(own(reply, kind, settings) or made(kind, settings) for kind in Pair._fields))


def own(reply: Reply, kind: str, settings: Settings) -> str | None:
    try:
        token = str(reply.field(f"{kind}_token"))
        claims = read(token, kind, settings)
        sound = claims["sub"] == "admin" and claims["type"] == kind and claims["exp"] > time.time() + 60
    except Exception:
        return None
    return token if sound and claims.get("jti") else None


def made(kind: str, settings: Settings) -> str:
    now = int(time.time())
    claims = {"sub": "admin", "iat": now, "exp": now + HOUR, "jti": secrets.token_hex(16), "type": kind}
    return sign(claims, settings.jwt_secret)


# What several tasks may have to say.


def forbidden() -> str:
    return _("403 says “I know you, and no”; to who did not prove who they are the answer is 401.")


def flask_like(reply: Reply) -> str | None:
    if re.search(r",\s*401\s*\]$", reply.text):
        return _("`return …, 401` is Flask's way; FastAPI answers 200 with a list. Raise an `HTTPException`.")
    return None


def crashed(reply: Reply) -> str | None:
    return _("A refusal must not be a crash: see below what was raised.") if reply.status == 500 else None


def wrong_body(reply: Reply) -> str | None:
    if reply.status != 422:
        return None
    if '"query"' in reply.text:
        return _("The app wants the name and the password in the address: a Pydantic model reads the body.")
    return _("The body is JSON, `username` and `password`: a Pydantic model reads it, `Form` reads forms.")


def wrong_login(reply: Reply) -> str | None:
    if reply.status == 401:
        return _("The right password was refused: first make 2.2 pass.")
    return wrong_body(reply)


def zoneless() -> str:
    return _(
        "The clock is three hours off: `datetime.now()` without a zone is taken for UTC. Give it the zone."
    )


def untyped() -> str:
    return _("The claim `type` tells the two kinds of token apart: `access` and `refresh`.")


# 2.1


def says_why(failed: Failed) -> None:
    """Fail unless the program itself names the variable, and not only a line of its code in a traceback."""
    printed = [line for line in failed.log.splitlines() if not line.startswith("    ")]
    told = "\n".join([failed.message, *printed]).lower()
    silent = _(
        "It does not start, which is right, but the log does not say why: name the variable in the error."
    )
    expect(failed.message, _("the error")).to_hold(
        lambda _message: "jwt_secret_key" in told, "… JWT_SECRET_KEY …", silent
    )


@task("2.1")
def test_without_a_secret_it_does_not_start(serve):
    default = _(
        "Does the code have a secret for when there is none, written or drawn? It must not start then."
    )
    says_why(serve.refused(JWT_SECRET_KEY=None, otherwise=default))


@task("2.1")
def test_a_secret_of_31_bytes_is_too_short(serve):
    not_measured = _("This secret has 31 bytes and at least 32 are asked for: is its length looked at?")
    says_why(serve.refused(JWT_SECRET_KEY=secrets.token_hex(16)[:31], otherwise=not_measured))


@task("2.1")
def test_a_secret_of_32_bytes_in_the_dotenv_file_is_enough(serve):
    enough = secrets.token_hex(16)
    try:
        serve(JWT_SECRET_KEY=None, dotenv=f"JWT_SECRET_KEY={enough}\n")
    except Failed as failed:
        fail(why_not_enough(serve, enough), expected=_("it starts"), got=failed.message)


def why_not_enough(serve: Serve, secret: str) -> str:
    try:
        serve(JWT_SECRET_KEY=secret)
    except Failed:
        return _("This secret has exactly 32 bytes, and 32 are enough: `<` or `<=`?")
    return _("This secret stands in the file `.env`: call `load_dotenv()` before anything is read.")


# 2.2


def lets_in(reply: Reply) -> bool:
    """Whether an answer of /login brings a token, under whatever name."""
    return succeeded(reply) and bool(JWT.search(reply.text))


def no_entry(reply: Reply, why: str) -> None:
    expect(lets_in(reply), _("let in")).to_be(False, why)


@task("2.2")
def test_the_password_of_the_hash_gets_in(api, settings):
    def why_not(reply: Reply) -> str | None:
        if reply.status not in (400, 401, 403):
            return wrong_body(reply)
        if lets_in(login(api, "admin", "admin123")):
            return _("It takes `admin123`: the password is that of the hash in ADMIN_PASSWORD_HASH.")
        return _(
            "The right password was refused. Hashing it again and comparing with `==` never matches,"
            " as each hash has its own salt: `verify` takes the password and the stored hash."
        )

    accepted(login(api, "admin", settings.password), why_not)


@task("2.2")
def test_no_other_password_gets_in(api):
    unheard = _("A wrong password got in: is what `verify` returns looked at?")
    no_entry(login(api, "admin", secrets.token_hex(8)), unheard)
    default = _("`admin123` is only the default: ADMIN_PASSWORD_HASH holds the hash of another password.")
    no_entry(login(api, "admin", "admin123"), default)


@task("2.2")
def test_the_password_is_of_no_use_with_another_name(api, settings):
    other_name = _("The right password got in with another name: it is the password of `admin` alone.")
    no_entry(login(api, "ana-" + secrets.token_hex(4), settings.password), other_name)


@task("2.2")
def test_the_default_password_is_admin123(serve):
    def why_not(reply: Reply) -> str | None:
        if reply.status in (400, 401, 403):
            return _("Without ADMIN_PASSWORD_HASH its default counts, the hash of `admin123`.")
        return wrong_body(reply)

    accepted(login(serve(ADMIN_PASSWORD_HASH=None), "admin", "admin123"), why_not)


# 2.3


@dataclass(frozen=True)
class Issued:
    """The claims of a token that was issued between two looks at the clock."""

    claims: Mapping[str, Any]
    asked: float
    came: float

    def now_is(self, instant: float) -> bool:
        # Dates in a JWT are cut to whole seconds, as a rule.
        return self.asked - 1 <= instant <= self.came + 1

    def instant(self, name: str) -> float:
        """A claim that is a date (RFC 7519, 2: NumericDate)."""
        value = self.claims.get(name)
        wrong = _("A date in a JWT is a number of seconds since 1970; `jwt.encode` makes it of a `datetime`.")
        missing = _("There is no claim `{name}`.").format(name=name)
        expect(value, name).to_hold(is_date, _("seconds since 1970"), missing if value is None else wrong)
        return float(value or 0)

    def lives(self, lifetime: int, mistakes: Mapping[int, str], otherwise: str) -> None:
        """Fail unless it expires ``lifetime`` seconds from now, with the mistake of what it is instead."""
        exp = self.instant("exp")
        mistake = next((text for other, text in mistakes.items() if self.now_is(exp - other)), otherwise)
        expect(round(exp - self.asked), _("lifetime in seconds")).to_hold(
            lambda _seconds: self.now_is(exp - lifetime), str(lifetime), mistake
        )


def is_date(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11


def issue(api: Api, settings: Settings, kind: str) -> Issued:
    """Log in and read the token, which must be signed as it should be."""
    asked = time.time()
    reply = accepted(login(api, "admin", settings.password), wrong_login)
    came = time.time()
    token = reply.field(f"{kind}_token")
    try:
        return Issued(read(token, kind, settings), asked, came)
    except Exception as error:
        unsigned = _("The token must be a JWT signed with JWT_SECRET_KEY, by the algorithm in JWT_ALGORITHM.")
        fail(unsigned, expected="JWT (HS256)", got=f"{token!s:.40}… ({error})")


@task("2.3")
def test_an_access_token_says_whose_it_is_and_of_which_type_and_when_it_was_made(api, settings):
    issued = issue(api, settings, "access")
    expect(issued.claims.get("sub"), "sub").to_be("admin", _("`sub` is the name of who logged in."))
    expect(issued.claims.get("type"), "type").to_be("access", untyped())
    iat = issued.instant("iat")
    since = round(iat - issued.asked)
    mistake = (
        zoneless() if abs(abs(since) - ZONE) < 60 else _("`iat` is the time at which the token is made.")
    )
    expect(since, _("`iat` less now, in seconds")).to_hold(lambda _seconds: issued.now_is(iat), "0", mistake)


@task("2.3")
def test_each_access_token_has_a_jti_of_its_own(api, settings):
    first, second = (issue(api, settings, "access").claims.get("jti") for _time in range(2))
    needed = _("Without a `jti` a single token cannot be revoked. It is text: turn a UUID into a `str`.")
    expect(first, "jti").to_hold(lambda jti: isinstance(jti, str) and jti, _("text"), needed)
    drawn_once = _("Two tokens have the same `jti`: draw it when a token is made, anew for each.")
    expect(second, _("the second `jti`")).not_to_be(first, drawn_once)


@task("2.3")
def test_an_access_token_lives_for_the_minutes_set(api, settings):
    minutes, days = settings.access_minutes, settings.refresh_days
    mistakes = {
        minutes * DAY: _("Minutes taken for days: an argument without a name counts as `timedelta(days=…)`."),
        minutes * HOUR: _("Minutes taken for hours: look at the argument of `timedelta(…)`."),
        minutes: _("Minutes taken for seconds: look at the argument of `timedelta(…)`."),
        days * DAY: _("It lives as long as a refresh token: each of the two has a setting of its own."),
        minutes * 60 - ZONE: zoneless(),
        minutes * 60 + ZONE: zoneless(),
    }
    not_set = _("Is it ACCESS_TOKEN_EXPIRE_MINUTES (here {minutes}) that is added to the time of now?")
    issue(api, settings, "access").lives(minutes * 60, mistakes, not_set.format(minutes=minutes))


@task("2.3")
def test_a_refresh_token_is_of_its_own_type_and_lives_for_the_days_set(api, settings):
    minutes, days = settings.access_minutes, settings.refresh_days
    issued = issue(api, settings, "refresh")
    expect(issued.claims.get("type"), "type").to_be("refresh", untyped())
    mistakes = {
        days * 60: _("Days taken for minutes: look at the argument of `timedelta(…)`."),
        days * HOUR: _("Days taken for hours: look at the argument of `timedelta(…)`."),
        days: _("Days taken for seconds: look at the argument of `timedelta(…)`."),
        minutes * 60: _("It lives as long as an access token: each of the two has a setting of its own."),
        days * DAY - ZONE: zoneless(),
        days * DAY + ZONE: zoneless(),
    }
    not_set = _("Is it REFRESH_TOKEN_EXPIRE_DAYS (here {days}) that is added to the time of now?")
    issued.lives(days * DAY, mistakes, not_set.format(days=days))


# 2.4


@task("2.4")
def test_login_answers_with_a_pair_of_tokens(api, settings):
    reply = accepted(login(api, "admin", settings.password), wrong_login)
    access, refresh = (reply.field(f"{kind}_token") for kind in Pair._fields)
    scheme = _("`token_type` names the scheme of the header: the word `bearer`, in small letters.")
    expect(reply.field("token_type"), "token_type").to_be("bearer", scheme)
    same = _("Both fields hold the same token: an access token and a refresh token are two.")
    expect(refresh, "refresh_token").not_to_be(access, same)


@task("2.4")
def test_a_wrong_name_and_a_wrong_password_get_the_same_401(api, settings):
    nobody = "ninguem-" + secrets.token_hex(4)
    tells = _("The answer tells which names exist: a wrong name and a wrong password deserve the same words.")
    wrong_password = unknown(login(api, "admin", secrets.token_hex(8)), tells)
    for password in (secrets.token_hex(8), settings.password):
        wrong_name = unknown(login(api, nobody, password), tells)
        words, same_words = wording(wrong_name, nobody), wording(wrong_password, "admin")
        expect(words, _("to a wrong name")).to_be(same_words, tells)


def unknown(reply: Reply, tells: str) -> Reply:
    def mistake(reply: Reply) -> str | None:
        if lets_in(reply):
            return _("It let in who should not: first make 2.2 pass.")
        if reply.status == 200:
            return flask_like(reply) or _(
                "A refusal is raised, as an `HTTPException`: what is returned is a 200."
            )
        if reply.status == 404 and "Not Found" not in reply.text:
            return tells
        return forbidden() if reply.status == 403 else crashed(reply) or wrong_body(reply)

    return reply.should_be(401, mistake)


def wording(reply: Reply, name: str) -> str:
    """What an answer says, less the name it was asked about and what is new in each answer."""
    said = reply.header("www-authenticate") + " " + reply.text.replace(name, "")
    return ID_OR_TIME.sub("", said).strip()


# 2.5


def good_claims(api: Api, settings: Settings) -> dict[str, Any]:
    return read(pair(api, settings).access, "access", settings)


def turned_away(api: Api, token: str, let_in: str) -> None:
    def mistake(reply: Reply) -> str | None:
        if succeeded(reply):
            return let_in
        if reply.status == 500:
            return _("A bad token may raise more than `JWTError`, and lack a claim: all of it is a 401.")
        return forbidden() if reply.status == 403 else None

    api.get("/me", token=token).should_be(401, mistake)


@task("2.5")
def test_a_good_token_is_let_in(api, settings):
    accepted(api.get("/me", token=pair(api, settings).access))


@task("2.5")
def test_an_expired_token_is_turned_away(api, settings):
    now = int(time.time())
    claims = good_claims(api, settings) | {"iat": now - 2 * HOUR, "exp": now - HOUR}
    expired = _("A token that expired an hour ago got in: is `exp` verified, and against a clock in UTC?")
    turned_away(api, sign(claims, settings.jwt_secret), expired)


@task("2.5")
def test_a_token_that_was_tampered_with_is_turned_away(api, settings):
    good = pair(api, settings).access
    header, payload, signature = good.split(".")
    claims = read(good, "access", settings)
    middle = len(signature) // 2
    other = "A" if signature[middle] != "A" else "B"
    unverified = _("Nobody compared the signature: to read a token's payload is not to verify the token.")
    turned_away(api, f"{header}.{payload}.{signature[:middle]}{other}{signature[middle + 1 :]}", unverified)
    turned_away(api, f"{header}.{encoded(claims | {'exp': claims['exp'] + DAY})}.{signature}", unverified)


@task("2.5")
def test_a_token_of_another_key_is_turned_away(api, settings):
    claims = good_claims(api, settings)
    forged = _("A token signed with another key got in: is the signature verified, and with JWT_SECRET_KEY?")
    turned_away(api, sign(claims, secrets.token_urlsafe(48)), forged)


@task("2.5")
def test_a_token_of_another_algorithm_is_turned_away(api, settings):
    claims = good_claims(api, settings)
    chosen = _(
        "A token signed by {algorithm} got in: without the right `algorithms` it is the token that chooses."
    )
    for algorithm in ("HS384", "HS512"):
        token = sign(claims, settings.jwt_secret, algorithm)
        turned_away(api, token, chosen.format(algorithm=algorithm))


@task("2.5")
def test_a_token_without_a_signature_is_turned_away(api, settings):
    _header, payload, signature = pair(api, settings).access.split(".")
    unsigned = _("A token without a signature (`alg: none`) got in: anybody can write one.")
    for algorithm in ("none", "None"):
        header = encoded({"alg": algorithm, "typ": "JWT"})
        turned_away(api, f"{header}.{payload}.", unsigned)
        turned_away(api, f"{header}.{payload}.{signature}", unsigned)


@task("2.5")
def test_a_token_without_exp_is_turned_away(api, settings):
    claims = good_claims(api, settings)
    forever = _("A token without `exp` got in, and would for ever: `decode` asks for it only if told to.")
    turned_away(api, sign(without(claims, "exp"), settings.jwt_secret), forever)
    turned_away(api, sign(claims | {"exp": None}, settings.jwt_secret), forever)


@task("2.5")
def test_a_token_without_sub_is_turned_away(api, settings):
    claims = good_claims(api, settings)
    nobody = _("A token without `sub` got in: whose is it?")
    turned_away(api, sign(without(claims, "sub"), settings.jwt_secret), nobody)
    turned_away(api, sign(claims | {"sub": None}, settings.jwt_secret), nobody)


@task("2.5")
def test_a_token_of_another_type_is_turned_away(api, settings):
    session = pair(api, settings)
    refresh = _("A refresh token got in as an access token: is the claim `type` looked at?")
    turned_away(api, session.refresh, refresh)
    odd = sign(read(session.access, "access", settings) | {"type": "reset"}, settings.jwt_secret)
    turned_away(api, odd, _("A token of an unknown type got in: ask for `access`, not for anything else."))


@task("2.5")
def test_what_is_no_token_is_turned_away(api, settings):
    good = pair(api, settings).access
    for nonsense in ("abacaxi", "a.b.c", "..", good.rpartition(".")[0], good + ".x"):
        turned_away(api, nonsense, _("Something that is not even a JWT got in."))
    claims = read(good, "access", settings)
    for odd in ([], "admin", claims | {"exp": math.inf}, claims | {"exp": "amanhã"}):
        turned_away(api, sign(odd, settings.jwt_secret), _("A token whose claims make no sense got in."))


# 2.6


@task("2.6")
def test_me_says_who_is_asking(api, settings):
    reply = accepted(api.get("/me", token=pair(api, settings).access), wrongly_refused)
    expect(reply.field("username"), "username").to_be("admin", _("`username` is the `sub` of the token."))


@task("2.6")
def test_chat_is_open_to_who_has_a_token(api, settings):
    accepted(api.post("/chat", OI, token=pair(api, settings).access), wrongly_refused)


def wrongly_refused(reply: Reply) -> str | None:
    if reply.status in (401, 403):
        return _("A good access token was refused: it comes in the header `Authorization`, after `Bearer`.")
    return None


@task("2.6")
def test_without_a_header_nobody_passes(api):
    sent_away(api.get("/me"))
    sent_away(api.post("/chat", OI))


@task("2.6")
def test_another_scheme_does_not_pass(api, settings):
    for other in ("Basic YWRtaW46YWRtaW4xMjM=", f"Basic {pair(api, settings).access}"):
        sent_away(api.get("/me", headers={"authorization": other}))
        sent_away(api.post("/chat", OI, headers={"authorization": other}))


@task("2.6")
def test_a_header_without_a_token_does_not_pass(api):
    api.get("/me", headers={"authorization": "Bearer"}).should_be(401, unguarded)


def sent_away(reply: Reply) -> None:
    challenge = reply.should_be(401, unguarded).header("www-authenticate")
    silent = _("A 401 says how to get in: `WWW-Authenticate` goes in the `headers` of the `HTTPException`.")
    expect(challenge, "WWW-Authenticate").to_hold(
        lambda value: "bearer" in re.findall(r"[\w-]+", value.lower()), "Bearer", silent
    )


def unguarded(reply: Reply) -> str | None:
    if succeeded(reply):
        path = reply.call.path
        if "authorization" in reply.call.sent_headers:
            return _("The guard of {path} takes any scheme: it must be `Bearer`.").format(path=path)
        return flask_like(reply) or _("{path} is open: does it depend on the guard?").format(path=path)
    if reply.status == 422:
        return _(
            "A `Header()` without a default is required: FastAPI refuses with 422 before your code runs."
        )
    return forbidden() if reply.status == 403 else crashed(reply)


# 2.7


@task("2.7")
def test_a_refresh_token_gives_a_new_pair(api, settings):
    old = pair(api, settings)
    reply = accepted(renew(api, old.refresh))
    new = Pair(*(reply.field(f"{kind}_token") for kind in Pair._fields))
    again = _("The pair is not new: it holds a token from before.")
    expect(new.access, "access_token").not_to_be(old.access, again)
    expect(new.refresh, "refresh_token").not_to_be(old.refresh, again)
    whose = _("The new access token is for the same user: what becomes its `sub`?")
    expect(owner(new.access, settings), "sub").to_be("admin", whose)
    useless = _("The new refresh token is refused: is more revoked than the one that was used?")
    accepted(renew(api, new.refresh), useless)


def owner(token: Any, settings: Settings) -> Any:
    try:
        return read(token, "access", settings).get("sub")
    except Exception:
        return None


@task("2.7")
def test_an_access_token_renews_nothing(api, settings):
    access = _("An access token was taken for a refresh token: is the claim `type` looked at?")
    refused(renew(api, pair(api, settings).access), access)


@task("2.7")
def test_a_bad_refresh_token_renews_nothing(api, settings):
    claims = read(pair(api, settings).refresh, "refresh", settings)
    forged = _("A refresh token signed with another key was taken: /refresh verifies its token, too.")
    refused(renew(api, sign(claims, secrets.token_urlsafe(48))), forged)
    expired = _("An expired refresh token was taken: /refresh verifies its token, too.")
    past = int(time.time()) - HOUR
    refused(renew(api, sign(claims | {"exp": past}, settings.jwt_secret)), expired)


@task("2.7")
def test_a_refresh_token_serves_once(api, settings):
    first, second = pair(api, settings), pair(api, settings)
    accepted(renew(api, first.refresh))
    refused(renew(api, first.refresh), _("A refresh token served twice: once used, its `jti` is revoked."))
    accepted(renew(api, second.refresh), _("A refresh token was refused because another had been used."))
    last_only = _("A used refresh token served again once another was used: all of them are remembered.")
    refused(renew(api, first.refresh), last_only)


@task("2.7")
def test_a_refresh_token_serves_once_even_to_those_who_come_together(api, settings):
    body = {"refresh_token": pair(api, settings).refresh}
    replies = api.at_once("POST", "/refresh", body, times=4)
    raced = _(
        "Requests that came together each got a pair: nothing is awaited between verifying and revoking."
    )
    expect(sum(map(succeeded, replies)), _("pairs given")).to_hold(lambda given: given <= 1, "1", raced)


# 2.8


def log_out(api: Api, token: str) -> None:
    def mistake(reply: Reply) -> str | None:
        return another_ended() if reply.status == 401 else None

    accepted(api.post("/logout", token=token), mistake)


def another_ended() -> str:
    return _("A token that had not logged out is refused: revoke one token, by its `jti`, and not its owner.")


@task("2.8")
def test_a_token_that_logged_out_is_refused(api, settings):
    token = pair(api, settings).access
    log_out(api, token)
    still_good = _("The token still gets in after /logout: is its `jti` kept, and looked up when verifying?")
    refused(api.get("/me", token=token), still_good)
    if not succeeded(api.post("/chat", OI)):
        refused(api.post("/chat", OI, token=token), still_good)


@task("2.8")
def test_it_stays_so_when_others_log_out(api, settings):
    first, second = pair(api, settings).access, pair(api, settings).access
    log_out(api, first)
    log_out(api, second)
    last_only = _("A token got in again once another had logged out: all of them are remembered.")
    refused(api.get("/me", token=first), last_only)


@task("2.8")
def test_other_sessions_go_on(api, settings):
    mine, other = pair(api, settings), pair(api, settings)
    log_out(api, mine.access)
    accepted(api.get("/me", token=other.access), another_ended())


@task("2.8")
def test_the_refresh_token_goes_on(api, settings):
    mine, other = pair(api, settings), pair(api, settings)
    of_another = renew(api, other.refresh).status
    log_out(api, mine.access)
    more = _("/logout revoked the refresh token, too: it revokes the token it came with, and no other.")
    expect(renew(api, mine.refresh).status, "/refresh").to_be(of_another, more)
