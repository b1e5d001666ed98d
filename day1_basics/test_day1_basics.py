"""Day 1 as its clients see it: a person with curl, a page in a browser, and the LLM behind it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any
from uuid import UUID

from workbook.checks import Api, Reply, Serve, Settings, expect, fail, show, task
from workbook.llm import Ending, LocalLLM
from workbook.text import _

FIELDS = '"reply", "model", "request_id"'


def made_up() -> str:
    """A word that no program can know beforehand."""
    return "palavra-" + secrets.token_hex(6)


def answered(reply: Reply, otherwise: Callable[[Reply], str | None] | None = None) -> Reply:
    """The contract says what comes back, not whether it was created."""
    return reply.should_be(201 if reply.status == 201 else 200, otherwise)


def chat(api: Api, message: str) -> Reply:
    def mistake(reply: Reply) -> str | None:
        if reply.status == 500 and "no attribute 'encode'" in traceback(api):
            return _("A header is text: make one of the UUID with `str(…)`.")
        return None

    return answered(api.post("/chat", {"message": message}), mistake)


def seen(reply: Reply) -> str:
    return f"{reply.status} {show(reply.text)}"


def traceback(api: Api) -> str:
    """What the app raised in this check; it is logged a moment after its 500."""
    api.eventually(lambda: api.app.crash(api.printed_before) is not None)
    crash = api.app.crash(api.printed_before)
    return crash.traceback if crash else ""


# 1.1


@task("1.1")
def test_health_says_ok_and_the_version_of_the_app(api: Api) -> None:
    health = api.get("/health").should_be(200)
    expect(health.field("status"), "status").to_be("ok")
    document = api.get("/openapi.json").should_be(200).json()

    def mistake(version: Any) -> str:
        if version == document["openapi"]:
            return _("That is the version of the OpenAPI format; your app's own has a shorter name.")
        return _("/openapi.json tells another version: is it written twice? `FastAPI(version=…)` is enough.")

    expect(health.field("version"), "version").to_be(document["info"]["version"], mistake)


# 1.2: only what the model says is looked at, so it can be done before the route is.


def ordinary(api: Api) -> Reply:
    """How a message that nothing is wrong with is treated: 200, or 500 as long as 1.3 is not written."""
    reply = api.post("/chat", {"message": "oi"})
    if 300 <= reply.status < 500:
        reply.should_be(200, otherwise=field_too_many)
    return reply


def field_too_many(reply: Reply) -> str | None:
    if reply.status == 422 and "temperature" in reply.text:
        return _("A message alone is enough: without a default value, `temperature` is not optional.")
    return None


def refuse(api: Api, body: dict[str, Any], field: str, mistake: str) -> None:
    good, reply = ordinary(api), api.post("/chat", body)
    if reply.status == good.status:
        fail(mistake, expected="422", got=seen(reply), proven=True)
    reply.should_be(422, otherwise=other_status)
    unnamed = _("The answer has to say which field is wrong; FastAPI does, in `loc`, if the model refuses.")
    expect(reply.text).to_contain(field, unnamed)


def other_status(reply: Reply) -> str | None:
    if reply.status == 400:
        return _("400 is not what FastAPI answers: let the model refuse, and not an `if` in the route.")
    return None


def accept(api: Api, body: dict[str, Any], mistake: str) -> None:
    good, reply = ordinary(api), api.post("/chat", body)
    if 300 <= reply.status < 500:
        fail(mistake, expected="200", got=seen(reply), proven=True)
    reply.should_be(good.status)


@task("1.2")
def test_a_message_is_a_text_and_has_to_be_there(api: Api) -> None:
    refuse(api, {}, "message", _("A body without `message` was accepted: has the field a default value?"))
    refuse(api, {"message": None}, "message", _("`null` was accepted as a message."))
    refuse(api, {"message": [made_up()]}, "message", _("A list was accepted as a message."))


@task("1.2")
def test_a_message_of_nothing_but_spaces_is_empty(api: Api) -> None:
    refuse(api, {"message": ""}, "message", _("An empty message was accepted: which is the least length?"))
    spaces = _("Spaces alone were accepted as a message: trim first (`strip_whitespace`), then measure.")
    refuse(api, {"message": " \n\t "}, "message", spaces)


@task("1.2")
def test_a_message_has_up_to_4000_characters_once_trimmed(api: Api) -> None:
    longest = "é" * 4000
    accept(api, {"message": "a"}, _("One character is enough for a message."))
    accept(api, {"message": longest}, _("4,000 characters are not too many (characters, not bytes)."))
    padded = _("4,000 characters and some spaces around them were refused: trim first, then measure.")
    accept(api, {"message": f"  {longest}\n"}, padded)
    refuse(api, {"message": longest + "é"}, "message", _("4,001 characters were accepted: `max_length`."))


@task("1.2")
def test_a_temperature_is_a_number_from_0_to_2(api: Api) -> None:
    for temperature in (-0.1, 2.1, "quente", [1]):
        mistake = _("{value} was accepted as a temperature.").format(value=show(temperature))
        refuse(api, {"message": "oi", "temperature": temperature}, "temperature", mistake)


@task("1.2")
def test_both_ends_of_the_temperature_belong_to_it(api: Api) -> None:
    accept(api, {"message": "oi", "temperature": 0.5}, _("0.5 is a temperature: is the type an integer?"))
    for end in (0, 2):
        mistake = _("{value} belongs to the range: `ge` and `le`, not `gt` and `lt`.").format(value=end)
        accept(api, {"message": "oi", "temperature": end}, mistake)


# 1.3


def identity(value: Any, what: str) -> UUID:
    try:
        return UUID(value)
    except (AttributeError, TypeError, ValueError):
        fail(_("That is not a UUID: `uuid4()` makes one."), expected=f"{what}: UUID", got=show(value))


@task("1.3")
def test_the_reply_echoes_the_message(api: Api) -> None:
    message = f"Olá, {made_up()}! Tudo bem aí na {made_up()}? 🍞"
    reply = chat(api, message).field("reply")
    echoes = isinstance(reply, str) and message in reply
    expect(reply, "reply").to_hold(lambda _reply: echoes, show(message))


@task("1.3")
def test_the_answer_names_a_model(api: Api) -> None:
    model = chat(api, made_up()).field("model")
    expect(model, "model").to_hold(lambda name: isinstance(name, str) and name != "", '"…"')


@task("1.3")
def test_each_answer_has_an_identity_of_its_own(api: Api) -> None:
    message = made_up()
    first, second = (identity(chat(api, message).field("request_id"), "request_id") for _turn in range(2))
    once = _(
        "Two answers have the same identity: a default value is made once, when the class is; "
        "make the UUID inside the function."
    )
    expect(second, "request_id").not_to_be(first, once)


@task("1.3")
def test_the_identity_is_in_the_header_too(api: Api) -> None:
    reply = chat(api, made_up())
    header = reply.header("x-request-id")
    if not header:
        fail(_("The answer has no `X-Request-ID` header."), expected="X-Request-ID: …")
    two = _("The header carries another identity than the body: make one UUID and use it twice.")
    in_body = identity(reply.field("request_id"), "request_id")
    expect(identity(header, "X-Request-ID"), "X-Request-ID").to_be(in_body, two)


# 1.4


def chat_operation(api: Api) -> tuple[dict[str, Any], dict[str, Any]]:
    """The OpenAPI document and what it says of ``POST /chat``."""
    document = api.get("/openapi.json").should_be(200).json()
    if "post" not in document["paths"].get("/chat", {}):
        fail(missing(document["paths"]), expected="POST /chat", got=", ".join(document["paths"]))
    return document, document["paths"]["/chat"]["post"]


def missing(paths: dict[str, Any]) -> str:
    longer = next((path for path in paths if path.rstrip("/").endswith("/chat")), None)
    if longer:
        return _("The route ended up at {path}: the prefix of a router is put before its paths.").format(
            path=longer
        )
    return _("The document does not know /chat: was the router given to `include_router`?")


def fields(document: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    """The names of an object's fields, wherever ``$ref`` and the like lead (JSON Schema 2020-12, 8.2.3.1)."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    parts = [part for word in ("allOf", "anyOf", "oneOf") for part in schema.get(word, [])]
    return set(schema.get("properties", {})).union(*(fields(document, part) for part in parts))


@task("1.4")
def test_chat_has_its_tag(api: Api) -> None:
    _document, operation = chat_operation(api)

    def mistake(tags: list[str]) -> str:
        if tags == list("chat"):
            return _("The tag was taken letter by letter: `tags` is a list, even of one.")
        return _("Give the router its tag: `APIRouter(tags=…)`.")

    expect(operation.get("tags", []), "tags").to_contain("chat", mistake)


@task("1.4")
def test_the_document_shows_what_chat_answers(api: Api) -> None:
    document, operation = chat_operation(api)
    good = next((answer for code, answer in operation["responses"].items() if code[0] == "2"), {})
    schema = good.get("content", {}).get("application/json", {}).get("schema", {})
    named = fields(document, schema)
    if not named:
        untold = _("The document does not say which fields /chat answers with: return a model, or name it.")
        fail(untold, expected=FIELDS, got=show(schema))
    reply = api.post("/chat", {"message": made_up()})
    answer = reply.json() if reply.status < 300 else None
    unnamed = sorted(set(answer) - named) if isinstance(answer, dict) else []
    expect(unnamed, _("answered, and not in the document")).to_be([])


# 1.5: judged as a browser would (Fetch Standard, 4.8 and 4.9).


def preflight(api: Api, origin: str) -> Reply:
    """What a browser asks before a page of this origin may POST JSON."""
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    return api.request("OPTIONS", "/chat", headers={"origin": origin, **asked})


def visit(api: Api, origin: str) -> Reply:
    """The request itself; a 422 has to be readable for the page like any other answer."""
    return api.request("POST", "/chat", {}, headers={"origin": origin})


def granted(reply: Reply, origin: str) -> bool:
    return reply.header("access-control-allow-origin") in (origin, "*")


def let_in(serve: Serve, api: Api, origin: str, first: str) -> None:
    asked = preflight(api, origin)
    expected = f"Access-Control-Allow-Origin: {origin}"
    if asked.status in (404, 405):
        fail(_("Nobody answers the preflight: `CORSMiddleware` does."), expected=expected, got=seen(asked))
    if not granted(asked, origin):
        fail(kept_out(serve, api, origin, first), expected=expected, got=told(asked))
    if not 200 <= asked.status < 300:
        fail(_("The preflight is refused: is POST among `allow_methods`?"), expected="200", got=seen(asked))
    allowed = asked.header("access-control-allow-headers").lower()
    if "content-type" not in allowed and allowed != "*":
        got = told(asked, "Access-Control-Allow-Headers")
        fail(_("A page may not send JSON: `content-type` is not allowed."), expected="content-type", got=got)
    if not granted(answer := visit(api, origin), origin):
        fail(_("The preflight is granted, the answer is not."), expected=expected, got=told(answer))


def kept_out(serve: Serve, api: Api, origin: str, first: str) -> str:
    """Which of the usual mistakes keeps a known origin out."""
    if granted(preflight(api, first), first):
        return _(
            "The first origin of the list is let in, this one is not: `strip` the space after the comma."
        )
    alone, usual = serve(ALLOWED_ORIGINS=origin), "http://localhost:3000"
    if granted(preflight(alone, origin), origin):
        return _(
            "Alone this origin is let in, in a list it is not: cut the text with `split`, comma by comma."
        )
    if granted(preflight(alone, usual), usual):
        return _("{origin} is let in, though `ALLOWED_ORIGINS` does not name it.").format(origin=usual)
    return _("Not even one origin alone is let in: is there a list inside the list of `allow_origins`?")


def told(reply: Reply, header: str = "Access-Control-Allow-Origin") -> str:
    return f"{reply.status} · {header}: {reply.header(header) or '—'}"


@task("1.5")
def test_a_page_of_each_known_origin_may_use_the_api(api: Api, serve: Serve, settings: Settings) -> None:
    for origin in (settings.origin, settings.other_origin, settings.third_origin):
        let_in(serve, api, origin, first=settings.origin)


@task("1.5")
def test_a_page_of_any_other_origin_may_not(api: Api, settings: Settings) -> None:
    known = settings.other_origin
    part = _("A part of a known origin is let in: `allow_origins` is a list, in a text `in` finds any part.")
    pattern = _("A dot of a known origin may be any character: a pattern needs `re.escape`.")
    start = _("What only begins like a known origin is let in: compare it whole.")
    strangers = {
        f"https://{made_up()}.example": _('Any origin at all is let in: is there a `"*"` in your list?'),
        "null": _("The origin `null` is let in: any page can have it, out of a sandboxed frame."),
        known.removesuffix(":3000"): part,
        known.replace(".example", "xexample"): pattern,
        known + ".intruso.example": start,
    }
    for origin, mistake in strangers.items():
        for reply in (preflight(api, origin), visit(api, origin)):
            if granted(reply, origin):
                nothing = _("nothing for {origin}").format(origin=origin)
                fail(mistake, expected=nothing, got=told(reply))


# 1.6


def ask(api: Api, message: str) -> Reply:
    return api.post("/ask", {"message": message})


def from_llm(reply: Reply, api: Api, llm: LocalLLM) -> Reply:
    """The answer to a question while the LLM is well; that it was asked at all is a part of it."""

    def mistake(reply: Reply) -> str | None:
        if reply.status == 500 and "client has been closed" in traceback(api):
            return _("The client is closed before it is used: the `yield` goes inside the `async with`.")
        if reply.status == 502 and llm.requests:
            return _("The LLM answered; how does your program get from its JSON to the text?")
        if reply.status == 502:
            return _("The LLM is up and nothing arrived at its `/chat/completions`: look at the address.")
        return None

    answered(reply, mistake)
    if not llm.requests:
        fail(_("The LLM was not asked."))
    return reply


@task("1.6")
def test_the_reply_is_what_the_llm_said(api: Api, llm: LocalLLM) -> None:
    question = made_up()
    said = llm.will_say("São", f" {made_up()}", "\n\ne", f" {made_up()}.", to=question)
    reply = from_llm(ask(api, question), api, llm).field("reply")

    def mistake(_reply: Any) -> str | None:
        if said.request is None:
            return _("The LLM was asked something else: the message goes in a message of the role `user`.")
        return None

    expect(reply, "reply").to_be(said.text, mistake)


@task("1.6")
def test_the_llm_gets_the_model_and_the_key_of_the_settings(
    api: Api, llm: LocalLLM, settings: Settings
) -> None:
    from_llm(ask(api, made_up()), api, llm)
    request = llm.requests[-1]
    expect(request.model, "model").to_be(settings.model, _("The model to ask is `DEFAULT_MODEL`."))
    key = request.headers.get("authorization", "")
    keyless = _("The key of the settings, `OPENAI_API_KEY`, goes along as a Bearer token.")
    expect(key, "Authorization").to_be(f"Bearer {settings.api_key}", keyless)


@task("1.6")
def test_one_client_serves_every_question(api: Api, llm: LocalLLM) -> None:
    for _turn in range(3):
        from_llm(ask(api, made_up()), api, llm)
    anew = _("Each question opens a connection of its own: open one client in the lifespan and share it.")
    expect(llm.connections, _("connections to the LLM for three questions")).to_be(1, anew)


@task("1.6")
def test_the_client_is_closed_at_shutdown(serve: Serve, llm: LocalLLM) -> None:
    api = serve()
    from_llm(ask(api, made_up()), api, llm)
    if not api.app.stop():
        fail(_("The app does not come to its end: what does the lifespan wait for after its `yield`?"))
    if not llm.wait(lambda: llm.open_connections == 0, 2):
        fail(_("The app is down and its connection to the LLM still open: close it after the `yield`."))


def bad_gateway(api: Api, question: str, llm_status: int | None = None) -> None:
    """A failure behind the app is told as what it is (RFC 9110, 15.6.3)."""

    def mistake(reply: Reply) -> str | None:
        if reply.status < 300 and llm_status:
            return _("The LLM refused and your answer says all is well: `raise_for_status()` notices.")
        if reply.status < 300:
            return _("The LLM failed and your answer says all is well.")
        if reply.status == 500 and (raised := traceback(api)):
            if "argument 'description'" in raised:
                return _("`HTTPException` has no `description`: the text goes in `detail`.")
            return _("An exception left your route: which `except` should turn it into a 502?")
        if reply.status == llm_status:
            blamed = _("The LLM's {status} was handed on, as if your client were to blame.")
            return blamed.format(status=llm_status)
        if reply.status > 502:
            return _("For a server behind yours that fails, HTTP has 502.")
        return None

    detail = ask(api, question).should_be(502, mistake).field("detail")
    silent = _("The detail says nothing: `str(error)` is empty for some exceptions.")
    expect(detail, "detail").to_hold(bool, '"…"', silent)


def always(llm: LocalLLM, then: Ending) -> str:
    """A question that the LLM fails to answer, however often a program tries."""
    question = made_up()
    for _try in range(20):
        llm.will_say(made_up(), to=question, then=then)
    return question


@task("1.6")
def test_an_llm_that_refuses_is_a_bad_gateway(api: Api, llm: LocalLLM) -> None:
    for status in (500, 401, 429):
        llm.will_fail(status, to=(question := made_up()), times=None)
        bad_gateway(api, question, status)
    from_llm(ask(api, made_up()), api, llm)


@task("1.6")
def test_an_answer_that_cannot_be_understood_is_a_bad_gateway(api: Api, llm: LocalLLM) -> None:
    bad_gateway(api, always(llm, "malformed"))
    llm.will_fail(200, "JSON, mas não uma resposta.", to=(question := made_up()), times=None)
    bad_gateway(api, question)
    from_llm(ask(api, made_up()), api, llm)


@task("1.6")
def test_an_llm_out_of_reach_is_a_bad_gateway(api: Api, llm: LocalLLM) -> None:
    with llm.refusing():
        bad_gateway(api, made_up())
    bad_gateway(api, always(llm, "cut"))
    from_llm(ask(api, made_up()), api, llm)


# 1.7


@task("1.7")
def test_while_one_question_waits_the_others_are_served(api: Api, llm: LocalLLM) -> None:
    slow, quick = made_up(), made_up()
    held = llm.will_say(made_up(), gated=True, to=slow)
    said = llm.will_say(made_up(), to=quick)
    first = api.begin("POST", "/ask", {"message": slow})
    if not api.patiently(lambda: held.request is not None, first.call):
        from_llm(first, api, llm)

    health = api.begin("GET", "/health")
    if not api.patiently(health.has_come, health.call):
        fail(_("While an /ask waits for the LLM nobody is served: something waits without an `await`."))

    second = api.begin("POST", "/ask", {"message": quick})
    if not api.patiently(second.has_come, second.call):
        fail(queued(left=said.request is not None))
    expect(from_llm(second, api, llm).field("reply"), "reply").to_be(said.text)

    held.finish()
    mixed = _("An answer has the words of another's: what belongs to one question is kept where all see it.")
    expect(from_llm(first, api, llm).field("reply"), "reply").to_be(held.text, mixed)


def queued(*, left: bool) -> str:
    if left:
        return _("The LLM answered the second question, and your program keeps the answer back.")
    return _(
        "The second question does not leave before the first is answered: does the client allow one "
        "connection only (`max_connections`), or is there a lock around the call?"
    )
