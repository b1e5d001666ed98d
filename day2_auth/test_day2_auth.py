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

from workbook.checks import Api, Reply, Settings, expect, fail, task
from workbook.runner import Failed
from workbook.text import _

HOUR = 3600
DAY = 24 * HOUR
# How far the app's clock is from UTC (Settings sees to that): what forgetting the zone costs.
ZONE = 3 * HOUR
JWT = re.compile(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
ID_OR_TIME = re.compile(r"[0-9a-f-]{32,36}|\d{4}-\d\d-\d\d[T ][\d:.]+")


class Pair(NamedTuple):
    access: str
    refresh: str


def succeeded(reply: Reply) -> bool:
    """Any 2xx: the contract names none."""
    return 200 <= reply.status < 300


def accepted(reply: Reply, otherwise: str | Callable[[Reply], str | None] | None = None) -> Reply:
    return reply if succeeded(reply) else reply.should_be(200, otherwise)


def refused(reply: Reply, otherwise: str | None = None) -> Reply:
    """Any 4xx, where the contract does not say which."""
    return reply if 400 <= reply.status < 500 else reply.should_be(401, otherwise)


def login(api: Api, username: str, password: str) -> Reply:
    return api.post("/login", {"username": username, "password": password})


def renew(api: Api, token: str) -> Reply:
    return api.post("/refresh", {"refresh_token": token})


def sign(claims: Any, key: str, algorithm: str = "HS256") -> str:
    return str(jws.sign(json.dumps(claims).encode(), key, algorithm=algorithm))


def read(token: str, settings: Settings) -> dict[str, Any]:
    """The claims of a token signed with the app's secret. Raises whatever is wrong with any other."""
    return dict(json.loads(jws.verify(token, settings.jwt_secret, "HS256")))


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
        claims = read(token, settings)
        sound = claims["sub"] == "admin" and claims["type"] == kind and claims["exp"] > time.time() + 60
    except Exception:
        return None
    return token if sound and claims.get("jti") else None


def made(kind: str, settings: Settings) -> str:
    now = int(time.time())
    claims = {"sub": "admin", "iat": now, "exp": now + HOUR, "jti": secrets.token_hex(16), "type": kind}
    return sign(claims, settings.jwt_secret)


# 2.1 --------------------------------------------------------------------------------------------------------


def says_why(failed: Failed) -> None:
    """Fail unless the program itself names the variable, and not only a line of its code in a traceback."""
    printed = [line for line in failed.log.splitlines() if not line.startswith("    ")]
    told = "\n".join([failed.message, *printed])
    expect(failed.message, _("the error")).to_hold(
        lambda _message: "jwt_secret_key" in told.lower(),
        "… JWT_SECRET_KEY …",
        _(
            "It does not start, which is right, but who reads the log is not told why: name the variable there."
        ),
    )


@task("2.1")
def test_without_a_secret_it_does_not_start(serve):
    has_default = _(
        "Does the code bring a secret of its own? Whoever reads the code can sign tokens with it."
    )
    says_why(serve.refused(JWT_SECRET_KEY=None, otherwise=has_default))


@task("2.1")
def test_a_secret_of_31_bytes_is_too_short(serve, settings):
    short = secrets.token_hex(16)[:31]
    not_measured = _("This secret has 31 bytes and at least 32 are asked for: is its length looked at?")
    says_why(serve.refused(JWT_SECRET_KEY=short, otherwise=not_measured))


@task("2.1")
def test_a_secret_of_32_bytes_in_the_dotenv_file_is_enough(serve):
    enough = secrets.token_hex(16)
    try:
        serve(JWT_SECRET_KEY=None, dotenv=f"JWT_SECRET_KEY={enough}\n")
    except Failed as failed:
        fail(why_not_enough(serve, enough), expected=_("it starts"), got=failed.message)


def why_not_enough(serve: Any, secret: str) -> str:
    try:
        serve(JWT_SECRET_KEY=secret)
    except Failed:
        return _("This secret has exactly 32 bytes, and 32 are enough: `<` or `<=`?")
    return _("This secret stands in the file `.env`: call `load_dotenv()` before anything is read.")


# 2.2 --------------------------------------------------------------------------------------------------------


def lets_in(reply: Reply) -> bool:
    """Whether an answer of /login brings a token, under whatever name."""
    return succeeded(reply) and bool(JWT.search(reply.text))


def no_entry(reply: Reply, why: str) -> None:
    expect(lets_in(reply), _("let in")).to_be(False, why)


@task("2.2")
def test_the_password_of_the_hash_gets_in(api, settings):
    def why_not(reply: Reply) -> str | None:
        if reply.status not in (400, 401, 403):
            return wrong_form(reply)
        if lets_in(login(api, "admin", "admin123")):
            return _(
                "It takes `admin123`: the password is that of the hash in ADMIN_PASSWORD_HASH, not one in the code."
            )
        return _(
            "The right password was refused. Each hash has a salt of its own, so that hashing again and comparing"
            " with `==` never matches: `verify` takes the password and the stored hash, in this order."
        )

    accepted(login(api, "admin", settings.password), why_not)


@task("2.2")
def test_no_other_password_gets_in(api):
    no_entry(
        login(api, "admin", "admin123"),
        _("`admin123` is only the default: with another hash in ADMIN_PASSWORD_HASH it is a wrong password."),
    )
    no_entry(
        login(api, "admin", secrets.token_hex(8)),
        _("A wrong password got in: is what `verify` returns looked at?"),
    )


@task("2.2")
def test_the_password_is_of_no_use_with_another_name(api, settings):
    other_name = _("The right password got in with another name: it is the password of `admin` alone.")
    no_entry(login(api, "ana-" + secrets.token_hex(4), settings.password), other_name)


@task("2.2")
def test_the_default_password_is_admin123(serve):
    api = serve(ADMIN_PASSWORD_HASH=None)
    no_default = _(
        "Without ADMIN_PASSWORD_HASH the password is `admin123`: its hash is the default of the setting."
    )
    accepted(login(api, "admin", "admin123"), lambda reply: wrong_form(reply) or no_default)


# 2.3 --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Issued:
    """The claims of a token that was issued between two looks at the clock."""

    claims: Mapping[str, Any]
    asked: float
    came: float

    def now_is(self, instant: float) -> bool:
        # JWT counts in whole seconds, as a rule.
        return self.asked - 1 <= instant <= self.came + 1

    def instant(self, name: str) -> float:
        """A claim that is a date (RFC 7519, 2: NumericDate)."""
        value = self.claims.get(name)
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        expect(value, name).to_hold(
            lambda _value: number and abs(value) < 1e11,
            _("a number of seconds since 1970"),
            _("There is no claim `{name}`.").format(name=name)
            if value is None
            else _(
                "Dates in a JWT are numbers of seconds since 1970; `jwt.encode` makes them of a `datetime`."
            ),
        )
        return float(value or 0)

    def lives(self, seconds: int, unit: int, sign: str, mistakes: Mapping[int, str], otherwise: str) -> None:
        """Fail unless it expires ``seconds`` from now; shown in ``unit``, with the mistake of what it is instead."""
        exp = self.instant("exp")
        lifetime = f"{(exp - self.asked) / unit:.4g} {sign}"
        mistake = next((text for other, text in mistakes.items() if self.now_is(exp - other)), otherwise)
        expect(lifetime, _("lifetime")).to_hold(
            lambda _shown: self.now_is(exp - seconds), f"{seconds / unit:g} {sign}", mistake
        )


def issue(api: Api, settings: Settings, kind: str) -> Issued:
    """Log in and read the token, which must be signed as it should be."""
    asked = time.time()
    reply = accepted(login(api, "admin", settings.password), wrong_login)
    came = time.time()
    token = reply.field(f"{kind}_token")
    try:
        return Issued(read(token, settings), asked, came)
    except Exception as error:
        not_signed = _(
            "The token must be a JWT signed with JWT_SECRET_KEY, by the algorithm in JWT_ALGORITHM."
        )
        fail(not_signed, expected="JWT (HS256)", got=f"{token!s:.40}… ({error})")


def claim(issued: Issued, name: str, value: str, otherwise: str) -> None:
    expect(issued.claims.get(name), name).to_be(value, otherwise)


def zoneless() -> str:
    return _(
        "The clock is three hours off: `datetime.now()` without a zone is taken for UTC. Give it the zone."
    )


@task("2.3")
def test_an_access_token_says_whose_it_is_and_of_which_type(api, settings):
    issued = issue(api, settings, "access")
    claim(issued, "sub", "admin", _("`sub` is the name of who logged in."))
    claim(issued, "type", "access", _("The claim `type` tells the two kinds of token apart."))
    expect(issued.claims.get("jti"), "jti").to_hold(
        lambda jti: isinstance(jti, str) and jti != "",
        _("a text of its own"),
        _("Without a `jti` a single token cannot be revoked; it must be text, so turn a UUID into one."),
    )


@task("2.3")
def test_an_access_token_says_when_it_was_issued(api, settings):
    issued = issue(api, settings, "access")
    since = issued.instant("iat") - issued.asked
    expect(f"{since:.0f} s", _("`iat`, from now")).to_hold(
        lambda _shown: issued.now_is(issued.instant("iat")),
        "0 s",
        zoneless() if abs(abs(since) - ZONE) < 60 else _("`iat` is the time at which the token is made."),
    )


@task("2.3")
def test_an_access_token_lives_for_the_minutes_set(api, settings):
    minutes = settings.access_minutes
    mistakes = {
        minutes * DAY: _(
            "Minutes were taken for days: without a name the first argument counts as `timedelta(days=…)`."
        ),
        minutes * HOUR: _(
            "Minutes were taken for hours: look at the name of the argument in `timedelta(…)`."
        ),
        minutes: _("Minutes were taken for seconds: look at the name of the argument in `timedelta(…)`."),
        settings.refresh_days * DAY: _(
            "It lives as long as a refresh token: each of the two has a setting of its own."
        ),
        minutes * 60 - ZONE: zoneless(),
        minutes * 60 + ZONE: zoneless(),
    }
    not_the_setting = _("Is ACCESS_TOKEN_EXPIRE_MINUTES (here {minutes}) what is added to the time of now?")
    issue(api, settings, "access").lives(
        minutes * 60, 60, "min", mistakes, not_the_setting.format(minutes=minutes)
    )


@task("2.3")
def test_a_refresh_token_is_of_its_own_type_and_lives_for_the_days_set(api, settings):
    days = settings.refresh_days
    issued = issue(api, settings, "refresh")
    claim(issued, "type", "refresh", _("The claim `type` tells the two kinds of token apart."))
    mistakes = {
        days * 60: _("Days were taken for minutes: look at the name of the argument in `timedelta(…)`."),
        days * HOUR: _("Days were taken for hours: look at the name of the argument in `timedelta(…)`."),
        days: _("Days were taken for seconds: look at the name of the argument in `timedelta(…)`."),
        settings.access_minutes * 60: _(
            "It lives as long as an access token: each of the two has a setting of its own."
        ),
        days * DAY - ZONE: zoneless(),
        days * DAY + ZONE: zoneless(),
    }
    not_the_setting = _("Is REFRESH_TOKEN_EXPIRE_DAYS (here {days}) what is added to the time of now?")
    issued.lives(days * DAY, DAY, "d", mistakes, not_the_setting.format(days=days))


@task("2.3")
def test_no_two_access_tokens_share_a_jti(api, settings):
    first, second = (issue(api, settings, "access").claims.get("jti") for _ in range(2))
    once = _("Two tokens have the same `jti`: draw it anew for each, when the token is made and not before.")
    expect(second, _("the second `jti`")).not_to_be(first, once)


# 2.4 --------------------------------------------------------------------------------------------------------


def wrong_form(reply: Reply) -> str | None:
    """What a refusal of the body's form means."""
    if reply.status != 422:
        return None
    if '"query"' in reply.text:
        return _(
            "The app wants the name and the password in the address: a Pydantic model takes them from the body."
        )
    return _(
        "The body is the JSON `username` and `password`: `OAuth2PasswordRequestForm` and `Form` read forms,"
        " a Pydantic model reads JSON."
    )


def wrong_login(reply: Reply) -> str | None:
    if reply.status == 401:
        return _("The right password was refused: first make 2.2 pass.")
    return wrong_form(reply)


@task("2.4")
def test_login_answers_with_a_pair_of_tokens(api, settings):
    reply = accepted(login(api, "admin", settings.password), wrong_login)
    access, refresh = (reply.field(f"{kind}_token") for kind in Pair._fields)
    expect(reply.field("token_type"), "token_type").to_be(
        "bearer", _("`token_type` is the word `bearer`, in small letters: it names the scheme of the header.")
    )
    same = _("Both fields hold the same token: an access token and a refresh token are two.")
    expect(refresh, "refresh_token").not_to_be(access, same)


@task("2.4")
def test_a_wrong_name_and_a_wrong_password_get_the_same_401(api, settings):
    nobody = "ninguem-" + secrets.token_hex(4)
    wrong_password = login_refused(login(api, "admin", secrets.token_hex(8)))
    for password in (secrets.token_hex(8), settings.password):
        wrong_name = login_refused(login(api, nobody, password))
        tells = _(
            "The answer tells which names exist: a wrong name and a wrong password deserve the same words."
        )
        expect(wording(wrong_name, nobody), _("to a wrong name")).to_be(
            wording(wrong_password, "admin"), tells
        )
        headers = (wrong_name.header("www-authenticate"), wrong_password.header("www-authenticate"))
        expect(headers[0], _("WWW-Authenticate to a wrong name")).to_be(headers[1], tells)


def login_refused(reply: Reply) -> Reply:
    def mistake(reply: Reply) -> str | None:
        if reply.status == 200:
            return flask_like(reply) or _("The answer is a 200: a refusal is raised, as an `HTTPException`.")
        if reply.status == 403:
            return forbidden()
        return crashed(reply) or wrong_form(reply)

    return reply.should_be(401, mistake)


def wording(reply: Reply, name: str) -> str:
    """What an answer says, but for the name it was asked about, and what is new in each answer."""
    return ID_OR_TIME.sub("", reply.text.replace(name, ""))


def flask_like(reply: Reply) -> str | None:
    if re.search(r",\s*401\s*\]$", reply.text):
        return _("`return …, 401` is Flask's way; FastAPI answers 200 with a list. Raise an `HTTPException`.")
    return None


def forbidden() -> str:
    return _("403 says “I know you, and no”; to who did not prove who they are the answer is 401.")


def crashed(reply: Reply) -> str | None:
    if reply.status == 500:
        return _("A refusal must not be a crash: see below what was raised.")
    return None


# 2.5 --------------------------------------------------------------------------------------------------------


def claims_of_a_good_token(api: Api, settings: Settings) -> dict[str, Any]:
    return read(pair(api, settings).access, settings)


def turned_away(api: Api, token: str, let_in_because: str) -> None:
    def mistake(reply: Reply) -> str | None:
        if succeeded(reply):
            return let_in_because
        if reply.status == 500:
            return _(
                "Not all that a bad token makes `decode` raise is a `JWTError`, and a claim may be missing:"
                " whatever goes wrong with a token is a 401."
            )
        return forbidden() if reply.status == 403 else None

    api.get("/me", token=token).should_be(401, mistake)


@task("2.5")
def test_a_good_token_is_let_in(api, settings):
    accepted(api.get("/me", token=pair(api, settings).access))


@task("2.5")
def test_an_expired_token_is_turned_away(api, settings):
    claims = claims_of_a_good_token(api, settings)
    past = {"iat": int(time.time()) - 2 * HOUR, "exp": int(time.time()) - HOUR}
    turned_away(
        api,
        sign(claims | past, settings.jwt_secret),
        _("A token that expired an hour ago got in: is the `exp` verified, and against the right clock?"),
    )


@task("2.5")
def test_a_token_that_was_tampered_with_is_turned_away(api, settings):
    header, payload, signature = pair(api, settings).access.split(".")
    unverified = _("Nobody compared the signature: reading a token's payload is not verifying the token.")
    middle = len(signature) // 2
    other = "A" if signature[middle] != "A" else "B"
    turned_away(api, f"{header}.{payload}.{signature[:middle]}{other}{signature[middle + 1 :]}", unverified)
    claims = claims_of_a_good_token(api, settings)
    changed = base64.urlsafe_b64encode(json.dumps(claims | {"exp": claims["exp"] + DAY}).encode())
    turned_away(api, f"{header}.{changed.decode().rstrip('=')}.{signature}", unverified)


@task("2.5")
def test_a_token_of_another_key_is_turned_away(api, settings):
    turned_away(
        api,
        sign(claims_of_a_good_token(api, settings), secrets.token_urlsafe(48)),
        _("A token signed with another key got in: is the signature verified, and with JWT_SECRET_KEY?"),
    )


@task("2.5")
def test_a_token_of_another_algorithm_is_turned_away(api, settings):
    claims = claims_of_a_good_token(api, settings)
    for algorithm in ("HS384", "HS512"):
        turned_away(
            api,
            sign(claims, settings.jwt_secret, algorithm),
            _(
                "A token signed by {algorithm} got in: without `algorithms` it is the token's own header that"
                " chooses. List the one algorithm of the settings."
            ).format(algorithm=algorithm),
        )


@task("2.5")
def test_a_token_without_a_signature_is_turned_away(api, settings):
    _header, payload, signature = pair(api, settings).access.split(".")
    for algorithm in ("none", "None"):
        header = (
            base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
            .decode()
            .rstrip("=")
        )
        for end in ("", signature):
            turned_away(
                api,
                f"{header}.{payload}.{end}",
                _("A token without a signature (`alg: none`) got in: anybody can write one."),
            )


@task("2.5")
def test_a_token_without_exp_is_turned_away(api, settings):
    claims = claims_of_a_good_token(api, settings)
    forever = _(
        "A token without `exp` got in and would be good for ever: `decode` does not ask for it by itself."
    )
    turned_away(api, sign({k: v for k, v in claims.items() if k != "exp"}, settings.jwt_secret), forever)
    turned_away(api, sign(claims | {"exp": None}, settings.jwt_secret), forever)


@task("2.5")
def test_a_token_without_sub_is_turned_away(api, settings):
    claims = claims_of_a_good_token(api, settings)
    nobody = _("A token without `sub` got in: whose is it?")
    turned_away(api, sign({k: v for k, v in claims.items() if k != "sub"}, settings.jwt_secret), nobody)
    turned_away(api, sign(claims | {"sub": None}, settings.jwt_secret), nobody)


@task("2.5")
def test_a_token_of_another_type_is_turned_away(api, settings):
    session = pair(api, settings)
    turned_away(
        api,
        session.refresh,
        _("A refresh token got in as an access token: is the claim `type` looked at?"),
    )
    turned_away(
        api,
        sign(read(session.access, settings) | {"type": "reset"}, settings.jwt_secret),
        _("A token of an unknown type got in: ask for the type you want, not against the one you do not."),
    )


@task("2.5")
def test_what_is_no_token_is_turned_away(api, settings):
    good = pair(api, settings).access
    for nonsense in ("abacaxi", "a.b.c", "..", good.rpartition(".")[0], good + ".x"):
        turned_away(api, nonsense, _("Something that is not even a JWT got in."))
    claims = claims_of_a_good_token(api, settings)
    for odd in ([], "admin", claims | {"exp": math.inf}, claims | {"exp": "amanhã"}):
        turned_away(api, sign(odd, settings.jwt_secret), _("A token whose claims make no sense got in."))


# 2.6 --------------------------------------------------------------------------------------------------------


@task("2.6")
def test_me_says_who_is_asking(api, settings):
    reply = accepted(api.get("/me", token=pair(api, settings).access), wrongly_refused)
    expect(reply.field("username"), "username").to_be("admin", _("`username` is the `sub` of the token."))


@task("2.6")
def test_chat_is_open_to_who_has_a_token(api, settings):
    accepted(api.post("/chat", {"message": "oi"}, token=pair(api, settings).access), wrongly_refused)


def wrongly_refused(reply: Reply) -> str | None:
    if reply.status in (401, 403):
        return _(
            "A good access token was refused: is it read from the header `Authorization`, after `Bearer`?"
        )
    return None


@task("2.6")
def test_without_a_header_nobody_passes(api):
    sent_away(api.get("/me"))
    sent_away(api.post("/chat", {"message": "oi"}))


@task("2.6")
def test_another_scheme_does_not_pass(api, settings):
    token = pair(api, settings).access
    for other in (f"Basic {token}", "Basic YWRtaW46YWRtaW4xMjM="):
        sent_away(api.get("/me", headers={"authorization": other}))
        sent_away(api.post("/chat", {"message": "oi"}, headers={"authorization": other}))


@task("2.6")
def test_a_header_without_a_token_does_not_pass(api):
    api.get("/me", headers={"authorization": "Bearer"}).should_be(401, unguarded)


def sent_away(reply: Reply) -> None:
    challenge = reply.should_be(401, unguarded).header("www-authenticate")
    expect(challenge, "WWW-Authenticate").to_hold(
        lambda schemes: "bearer" in re.findall(r"[\w-]+", schemes.lower()),
        "Bearer",
        _(
            "A 401 says how to get in: the header is `WWW-Authenticate`, in the `headers` of the `HTTPException`."
        ),
    )


def unguarded(reply: Reply) -> str | None:
    if succeeded(reply):
        return flask_like(reply) or _("{path} is not guarded, or its guard takes any scheme.").format(
            path=reply.call.path
        )
    if reply.status == 403:
        return forbidden()
    if reply.status == 422:
        return _(
            "A `Header()` without a default is required, and FastAPI refuses with 422 before your code runs."
        )
    return crashed(reply)


# 2.7 --------------------------------------------------------------------------------------------------------


@task("2.7")
def test_a_refresh_token_gives_a_new_pair(api, settings):
    old = pair(api, settings)
    reply = accepted(renew(api, old.refresh))
    new = Pair(*(reply.field(f"{kind}_token") for kind in Pair._fields))
    for kind, token, before in zip(Pair._fields, new, old, strict=True):
        expect(token, f"{kind}_token").not_to_be(
            before, _("The pair is not new: it holds a token from before.")
        )
    whose = _("The new access token must be the same user's: what becomes its `sub`?")
    expect(owner(new.access, settings), "sub").to_be("admin", whose)
    accepted(
        renew(api, new.refresh),
        _("The new refresh token is refused: is more revoked than the one that was used?"),
    )


def owner(token: str, settings: Settings) -> Any:
    try:
        return read(token, settings).get("sub")
    except Exception:
        return None


@task("2.7")
def test_an_access_token_renews_nothing(api, settings):
    refused(
        renew(api, pair(api, settings).access),
        _("An access token was taken for a refresh token: is the claim `type` looked at?"),
    )


@task("2.7")
def test_a_bad_refresh_token_renews_nothing(api, settings):
    claims = read(pair(api, settings).refresh, settings)
    foreign = _("A refresh token signed with another key was taken: /refresh verifies its token, too.")
    refused(renew(api, sign(claims, secrets.token_urlsafe(48))), foreign)
    expired = _("An expired refresh token was taken: /refresh verifies its token, too.")
    refused(renew(api, sign(claims | {"exp": int(time.time()) - HOUR}, settings.jwt_secret)), expired)


@task("2.7")
def test_a_refresh_token_serves_once(api, settings):
    first, second = pair(api, settings), pair(api, settings)
    accepted(renew(api, first.refresh))
    refused(renew(api, first.refresh), _("A refresh token served twice: once used, its `jti` is revoked."))
    accepted(renew(api, second.refresh), _("A refresh token was refused because another had been used."))
    only_the_last = _("A used refresh token served again after another was used: all must be remembered.")
    refused(renew(api, first.refresh), only_the_last)


@task("2.7")
def test_a_refresh_token_serves_once_even_to_those_who_come_together(api, settings):
    body = {"refresh_token": pair(api, settings).refresh}
    replies = [api.begin("POST", "/refresh", body) for _ in range(4)]
    expect(sum(map(succeeded, replies)), _("pairs given")).to_hold(
        lambda given: given <= 1,
        "1",
        _(
            "Requests that came together all got a pair: nothing may be awaited between verifying and revoking."
        ),
    )


# 2.8 --------------------------------------------------------------------------------------------------------


def log_out(api: Api, token: str) -> None:
    accepted(api.post("/logout", token=token))


def is_revoked(api: Api, token: str, otherwise: str) -> None:
    refused(api.get("/me", token=token), otherwise)


@task("2.8")
def test_a_token_that_logged_out_is_refused(api, settings):
    token = pair(api, settings).access
    log_out(api, token)
    still_good = _(
        "The token still gets in after /logout: is its `jti` kept, and looked up at each verification?"
    )
    is_revoked(api, token, still_good)
    refused(api.post("/chat", {"message": "oi"}, token=token), still_good)


@task("2.8")
def test_logging_out_is_not_undone_by_the_next_who_logs_out(api, settings):
    first, second = pair(api, settings).access, pair(api, settings).access
    log_out(api, first)
    log_out(api, second)
    only_the_last = _(
        "A token got in again once another had logged out: all that are revoked must be remembered."
    )
    is_revoked(api, first, only_the_last)


@task("2.8")
def test_other_sessions_go_on(api, settings):
    mine, other = pair(api, settings), pair(api, settings)
    log_out(api, mine.access)
    accepted(
        api.get("/me", token=other.access),
        _("Another session ended, too: what is revoked is the token (`jti`), not its owner (`sub`)."),
    )


@task("2.8")
def test_the_refresh_token_goes_on(api, settings):
    mine, other = pair(api, settings), pair(api, settings)
    of_another = renew(api, other.refresh).status
    log_out(api, mine.access)
    expect(renew(api, mine.refresh).status, "/refresh").to_be(
        of_another,
        _("/logout revoked the refresh token, too: it revokes the token it came with, and no other."),
    )
