"""What a client sees of a stream: each token as soon as it exists, to the letter, to its end or its error."""

import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from jose import jws, jwt

from workbook.checks import Api, Decoder, Reply, Serve, Settings, Stream, expect, fail, show, skip, task
from workbook.llm import Answer, Ending, LocalLLM, Request
from workbook.runner import App
from workbook.text import _

GENERATE, CHAT, AGENT = "/api/generate", "/chat", "/agent"
BODIES = {GENERATE: {"prompt": "olá"}, CHAT: {"message": "olá"}}
DONE = "[DONE]"
# The LLM's own word that trying again is useless: the SDK then reports the failure at once.
FINAL = {"x-should-retry": "false"}

tokens_of: WeakKeyDictionary[App, str] = WeakKeyDictionary()


def word() -> str:
    return secrets.token_hex(4)


def words(count: int) -> list[str]:
    return [word() for _n in range(count)]


def made(settings: Settings, key: str = "", **claims: Any) -> str:
    """An access token as Day 2 asks for, but for the claims given."""
    now = int(time.time())
    usual = {"sub": "admin", "iat": now, "exp": now + 600, "jti": word(), "type": "access"}
    return str(jwt.encode(usual | claims, key or settings.jwt_secret, algorithm="HS256"))


def token_for(api: Api, settings: Settings) -> str:
    """A token that the app takes: ours, or its own, since it may keep a list of those it gave."""
    if api.app not in tokens_of:
        aside, ours = Api(api.app, api.limit, []), made(settings)
        refused = aside.post(GENERATE, {}, token=ours).status == 401
        tokens_of[api.app] = (refused and own_token(aside, settings)) or ours
    return tokens_of[api.app]


def own_token(api: Api, settings: Settings) -> str:
    try:
        return str(json.loads(login(api, settings).body)["access_token"])
    except Exception:
        return ""


def login(api: Api, settings: Settings) -> Reply:
    return api.post("/login", {"username": "admin", "password": settings.password})


def generate(api: Api, settings: Settings, prompt: str = "", **more: Any) -> Stream:
    body = {"prompt": prompt or f"Explique {word()}", **more}
    return api.stream(GENERATE, body, token=token_for(api, settings))


def chat(api: Api, settings: Settings, message: str = "", **more: Any) -> Stream:
    body = {"message": message or f"Explique {word()}", **more}
    return api.stream(CHAT, body, token=token_for(api, settings))


def whole(stream: Stream, otherwise: Callable[[Reply], str | None] | None = None) -> Stream:
    """A stream when it has ended, or when it is certain that nothing more comes; it must be a 200."""
    with stream:
        stream.rest()
        begun_well(stream, otherwise)
    return stream


def any_stream(api: Api, llm: LocalLLM, settings: Settings, prompt: str = "", **more: Any) -> Stream:
    """A whole stream of which the words do not matter."""
    llm.will_say(word())
    return whole(generate(api, settings, prompt, **more))


def begun_well(stream: Stream, otherwise: Callable[[Reply], str | None] | None = None) -> None:
    if stream.call.status is None and not stream.call.done:
        fail(_("Your app never began to answer."), expected="200")
    stream.should_be(200, otherwise)


def comes(api: Api, stream: Stream, text: str) -> bool:
    """Whether a word reaches the client while the LLM waits, in one event or in several."""
    return api.patiently(lambda: text in stream.text, stream.call)


def happens(api: Api, llm: LocalLLM, condition: Callable[[], object], *streams: Reply) -> bool:
    """Whether something comes about at the LLM, before the streams named have all ended."""
    # Its record wakes us; only then patience is needed.
    return llm.wait(condition, 0.05) or api.patiently(lambda: bool(condition()), *(s.call for s in streams))


def has_left(said: Answer, count: int) -> Callable[[], bool]:
    return lambda: said.request is not None and len(said.request.sent) >= count


def asked(llm: LocalLLM) -> Request:
    if not llm.requests:
        fail(_("Your app answered without asking the LLM."))
    return llm.requests[0]


def through_sync_client(request: Request | None) -> bool:
    return request is not None and request.headers.get("x-stainless-async") == "false"


def missing(expected: Iterable[str], text: str) -> list[str]:
    return [each for each in expected if each not in text]


# 3.1


@task("3.1")
def test_the_model_comes_from_the_environment(api: Api, llm: LocalLLM, settings: Settings) -> None:
    any_stream(api, llm, settings)
    fixed = _('Is the model\'s name written in the code? Read it: `os.getenv("DEFAULT_MODEL", …)`.')
    expect(asked(llm).model, "model").to_be(settings.model, fixed)


@task("3.1")
def test_a_model_in_the_request_wins(api: Api, llm: LocalLLM, settings: Settings) -> None:
    model = "modelo-" + word()
    any_stream(api, llm, settings, model=model)
    ignored = _("The `model` of the request was ignored: DEFAULT_MODEL is only for when it brings none.")
    expect(asked(llm).model, "model").to_be(model, ignored)


@task("3.1")
def test_a_dotenv_file_gives_what_the_environment_lacks_and_no_more(
    serve: Serve, llm: LocalLLM, settings: Settings
) -> None:
    model, key = "modelo-" + word(), "sk-" + word()
    api = serve(DEFAULT_MODEL=None, dotenv=f"DEFAULT_MODEL={model}\nOPENAI_API_KEY={key}\n")
    any_stream(api, llm, settings)
    unread = _(
        "DEFAULT_MODEL stood in the `.env` only, and was not found: `load_dotenv()` comes before `os.getenv`."
    )
    expect(asked(llm).model, "model").to_be(model, unread)
    overridden = _(
        "The `.env` won over the environment: `load_dotenv()` leaves what is set, `override=True` does not."
    )
    expect(asked(llm).headers.get("authorization"), "OPENAI_API_KEY").not_to_be(f"Bearer {key}", overridden)


# 3.2


def unguarded(reply: Reply) -> str | None:
    if reply.status == 200:
        return _(
            "{path} answers anybody: does it ask for the user, with `Depends(get_current_user)`?"
        ).format(path=reply.call.path)
    if reply.status == 403:
        return _("403 is for a known user who may not do this. Whoever is not known gets 401.")
    if reply.status == 422 and "authorization" in reply.text.lower():
        return _("A required `Header()` answers 422 when it is missing: give it a default and answer 401.")
    return None


@task("3.2")
def test_without_a_token_nobody_is_answered(api: Api) -> None:
    for path, body in BODIES.items():
        api.post(path, body).should_be(401, unguarded)


@task("3.2")
def test_a_token_that_is_not_valid_opens_nothing(api: Api, settings: Settings) -> None:
    forged = _("A token signed with another key was taken: verify it with JWT_SECRET_KEY.")
    expired = _("A token that has expired was taken: `jwt.decode` checks `exp` unless it is told not to.")
    refresh = _("A refresh token was taken for an access token: the guard must look at the claim `type`.")
    for token, mistake in (
        (made(settings, key=secrets.token_urlsafe(48)), forged),
        (made(settings, exp=int(time.time()) - 60), expired),
        (made(settings, type="refresh"), refresh),
    ):
        for path, body in BODIES.items():
            reply = api.post(path, body, token=token)
            reply.should_be(401, mistake if reply.status == 200 else unguarded)


@task("3.2")
def test_a_login_opens_both_routes(api: Api, settings: Settings) -> None:
    reply = login(api, settings)
    if not 200 <= reply.status < 300:
        reply.should_be(200, no_login)
    token = reply.field("access_token")
    foreign = _("The token is not signed with JWT_SECRET_KEY: is there a secret written in the code?")
    expect(is_signed(token, settings), _("signed with JWT_SECRET_KEY")).to_be(True, foreign)
    refused = _("Your /login gives a token that {path} refuses: is the guard Day 2's, like the login?")
    for path, body in ((GENERATE, BODIES[GENERATE]), (CHAT, {})):
        status = api.post(path, body, token=token).status
        expect(status, path).to_hold(lambda got: got not in (401, 403), "200", refused.format(path=path))


def no_login(reply: Reply) -> str | None:
    if reply.status == 404:
        return _("There is no /login here: include Day 2's router with `app.include_router`.")
    return None


def is_signed(token: Any, settings: Settings) -> bool:
    try:
        jws.verify(token, settings.jwt_secret, "HS256")
    except Exception:
        return False
    return True


# 3.3


def read_by_a_client(frames: Iterable[str]) -> str:
    return "".join(event.data for event in Decoder().feed("".join(frames).encode()))


def usual_framings(tokens: list[str]) -> Iterator[tuple[str, str]]:
    """What a client would read from each usual mistake, and its name."""

    def lines(text: str, field: str = "data: ") -> str:
        return "".join(f"{field}{line}\n" for line in text.split("\n")) + "\n"

    def one_line(text: str, field: str = "data: ") -> str:
        return f"{field}{text}\n\n"

    newline = _(
        "A token with a newline in it ended its event too early: each line needs a `data:` of its own."
    )
    yield read_by_a_client(map(one_line, tokens)), newline
    space = _("A client takes one space away after `data:`, and it was the token's own: write `data: `.")
    yield read_by_a_client(lines(t, "data:") for t in tokens), space
    yield read_by_a_client(one_line(t, "data:") for t in tokens), space
    blank = _("Tokens of nothing but space were left out: leave out only the empty ones (`if token:`).")
    yield read_by_a_client(lines(t) for t in tokens if t.strip()), blank
    stripped = _(
        "Spaces or newlines at the ends of the tokens are gone: is there a `strip()`? They are text too."
    )
    for strip in (str.strip, str.lstrip, str.rstrip):
        yield read_by_a_client(lines(strip(t)) for t in tokens), stripped
        yield read_by_a_client(one_line(strip(t)) for t in tokens), stripped
    splitlines = _(
        '`splitlines()` drops the newline at the end, and splits where SSE does not (U+2028): split at "\\n".'
    )
    yield read_by_a_client("".join(f"data: {x}\n" for x in t.splitlines()) + "\n" for t in tokens), splitlines
    quoted = _("The tokens came as JSON, in quotes: send the text itself (in `fastapi.sse`, `raw_data`).")
    yield read_by_a_client(one_line(json.dumps(t)) for t in tokens), quoted
    yield read_by_a_client(one_line(json.dumps(t, ensure_ascii=False)) for t in tokens), quoted
    escaped = _("The newlines came as a backslash and an n. SSE has its own way: a `data:` for each line.")
    yield read_by_a_client(one_line(t.replace("\n", "\\n")) for t in tokens), escaped
    lost = _("The newlines were replaced: each line of a token needs a `data:` of its own.")
    yield read_by_a_client(one_line(t.replace("\n", " ")) for t in tokens), lost
    yield read_by_a_client(one_line(t.replace("\n", "")) for t in tokens), lost
    twice = _("The events are framed twice: a library that frames wants the bare text, without `data: `.")
    yield read_by_a_client(lines(one_line(t)) for t in tokens), twice
    dropped = _("The last token is missing: what your loop still holds when it ends must be sent as well.")
    yield read_by_a_client(lines(t) for t in tokens[:-1]), dropped
    grown = _("Each event repeats all of the text so far: send only what is new.")
    yield read_by_a_client(lines("".join(tokens[: n + 1])) for n in range(len(tokens))), grown


def misframed(tokens: list[str], stream: Stream) -> Callable[[str], str | None]:
    """Names the mistake by what came: does it equal what a usual mistake would have made of the tokens?"""

    def name(got: str) -> str | None:
        if not stream.events and stream.unfinished:
            return _("No event was ever finished: an empty line (`\\n\\n`) must end each one.")
        if not stream.events and stream.call.size:
            return _("There is not one event in the answer: `data: …` and an empty line make one.")
        sent, text = [token for token in tokens if token], got.removesuffix(f'"{DONE}"')
        return next((mistake for usual, mistake in usual_framings(sent) if usual == text), None)

    return name


def arrives_to_the_letter(api: Api, llm: LocalLLM, settings: Settings, *tokens: str) -> None:
    said = llm.will_say(*tokens)
    stream = whole(generate(api, settings))
    expect(stream.text).to_be(said.text, misframed(list(tokens), stream))


@task("3.3")
def test_newlines_arrive_and_end_no_event(api: Api, llm: LocalLLM, settings: Settings) -> None:
    # What is easy to read comes first: whoever fails here need not look at the rest.
    arrives_to_the_letter(api, llm, settings, "azul\n\nverde", " " + word())
    like_sse = [": " + word(), "\nevent: error", ":", "\nid: 1\nretry: 2", "data: x"]
    end = ["\n\n", "fim", "\n"]
    arrives_to_the_letter(
        api, llm, settings, "- azul\n- verde", "\n", word(), "\n\n\n" + word(), *like_sse, *end
    )


@task("3.3")
def test_spaces_and_all_other_letters_arrive(api: Api, llm: LocalLLM, settings: Settings) -> None:
    spaces = [" " + word(), " ", "  dois", "\t" + word(), "fim ", " !"]
    letters = ["", "coração", " 👩\u200d💻", "", "a\u2028b\u0085c", '"aspas" \\ {}', ""]
    arrives_to_the_letter(api, llm, settings, *spaces, *letters)


@task("3.3")
def test_done_is_the_last_event_and_comes_once(api: Api, llm: LocalLLM, settings: Settings) -> None:
    stream = any_stream(api, llm, settings)
    data = [event.data for event in stream.events]
    if not data:
        fail(misframed([], stream)("") or "", expected=show(DONE))

    def not_done(last: str) -> str:
        if last == f'"{DONE}"':
            return _("`[DONE]` came in quotes, as JSON: send the bare word (in `fastapi.sse`, `raw_data`).")
        if last.endswith(DONE):
            return _("`[DONE]` came in the same event as the last token: it needs an event of its own.")
        if DONE in data:
            return _("Something came after `[DONE]`: it must be the last event.")
        return _("The stream ended without `[DONE]`: a client cannot tell it from one that was cut.")

    expect(data[-1], _("the last event")).to_be(DONE, not_done)
    twice = _("`[DONE]` was sent more than once: do two places in your code add it?")
    expect(data.count(DONE), "[DONE]").to_be(1, twice)


# 3.4


def changed(prompt: str) -> Callable[[str], str]:
    def name(got: str) -> str:
        if got == prompt.strip():
            return _("The spaces at the ends of the prompt are gone: is there a `strip()`?")
        if prompt.strip() in got:
            return _("Something was added to the prompt: instructions of yours belong in a `SystemMessage`.")
        if got.split() == prompt.split():
            return _("The white space inside the prompt was changed: pass it on as it came.")
        if got == prompt.replace("{{", "{").replace("}}", "}"):
            return _(
                "The braces of the prompt were taken for a template's: pass it in as a variable's value."
            )
        return _("The LLM was asked something else: the prompt goes in a `HumanMessage`, as it came.")

    return name


@task("3.4")
def test_the_prompt_reaches_the_llm_as_it_came(api: Api, llm: LocalLLM, settings: Settings) -> None:
    prompt = f'\n  {word()}: {{"nome": {{{{x}}}}}}  "olá"\n\n\tcoração 🙂 %s \\n {word()} \n'
    tripped = _("This prompt has braces and quotes in it: is it taken for a template?")
    whole(generate(api, settings, prompt), lambda reply: tripped if reply.status >= 500 else None)
    expect(asked(llm).prompt).to_be(prompt, changed(prompt))


@task("3.4")
def test_the_llm_is_asked_once_in_streaming_through_langchain(
    api: Api, llm: LocalLLM, settings: Settings
) -> None:
    runs = len(api.app.events("langchain"))
    any_stream(api, llm, settings)
    request = asked(llm)
    again = _("The LLM was asked more than once for one prompt: each question is paid for.")
    expect(len(llm.requests), _("requests to the LLM")).to_be(1, again)
    not_streamed = _("The LLM was asked for the whole answer: `streaming=True`, and `astream` to read it.")
    expect(request.streamed, "stream").to_be(True, not_streamed)
    if not api.eventually(lambda: len(api.app.events("langchain")) > runs):
        fail(_("The LLM was asked, but not through LangChain: use `ChatOpenAI`, not the openai SDK itself."))


# 3.5


def late(api: Api, said: Answer, stream: Stream, token: str) -> str | None:
    """Why a token has not come though the LLM waits: by what the next one brings, and the end."""
    said.release()
    one_late = comes(api, stream, token)
    said.finish()
    stream.rest()
    begun_well(stream)
    kind = stream.header("content-type")
    if one_late:
        return _("Each token leaves only when the next one has come: your code is one token late.")
    if media_type(kind) in ("application/json", "application/jsonl"):
        return other_kind(kind)
    if token in stream.text:
        return _(
            "The next token came too, and this one still had not left: something collects them (`join`, "
            "`list`, `[…]`, `ainvoke`) before they are sent."
        )
    return misframed([], stream)("")


@task("3.5")
def test_each_token_leaves_before_the_next_exists(api: Api, llm: LocalLLM, settings: Settings) -> None:
    said = llm.will_say(*words(5), gated=True)
    with generate(api, settings) as stream:
        so_far = ""
        for token in said.tokens[:-1]:
            so_far += token
            said.release()
            if not comes(api, stream, token):
                got = show(stream.text)
                fail(late(api, said, stream, token) or "", expected=show(so_far), got=got)
        said.finish()
        stream.rest()
    kind = stream.header("content-type")
    is_stream = media_type(kind) == "text/event-stream"
    expect(kind, "Content-Type").to_hold(lambda _kind: is_stream, "text/event-stream", other_kind)


def media_type(kind: str) -> str:
    return kind.partition(";")[0].strip().lower()


def other_kind(kind: str) -> str:
    if media_type(kind) == "application/jsonl":
        return _("FastAPI made JSON Lines of your `yield`: say which `response_class` it is.")
    if media_type(kind) == "application/json":
        return _("The answer came as one JSON: return a streaming response.")
    return _('A browser reads events only under `media_type="text/event-stream"`.')


@task("3.5")
def test_an_empty_prompt_is_refused(api: Api, settings: Settings) -> None:
    def not_refused(reply: Reply) -> str | None:
        if reply.status == 200:
            return _("An empty prompt was sent to the LLM: `Field(min_length=1)` refuses it before.")
        if reply.status == 400:
            return _("Leave it to the model's validation (`Field`), which answers 422 and names the field.")
        return None

    api.post(GENERATE, {"prompt": ""}, token=token_for(api, settings)).should_be(422, not_refused)


# 3.6


@task("3.6")
def test_chat_streams_as_generate_does_unless_told_otherwise(
    api: Api, llm: LocalLLM, settings: Settings
) -> None:
    tokens = [word(), " " + word(), "\n\n", "- " + word(), "\n"]
    said = llm.will_say(*tokens, gated=True)
    message, model = word(), "modelo-" + word()
    with chat(api, settings, message, model=model) as stream:
        said.release(4)
        comes_at_once = comes(api, stream, tokens[0])
        said.finish()
        stream.rest()
    begun_well(stream)
    if not comes_at_once:
        fail(not_streamed(stream) or "", expected=show(tokens[0]) + " …")
    request = asked(llm)
    expect(request.prompt).to_contain(message, _("The LLM was not asked the `message` of the request."))
    expect(request.model, "model").to_be(model, _("/chat ignored the `model` of the request."))
    llm.will_say(*tokens)
    other = whole(generate(api, settings))
    unlike = _("/chat does not send the text as /api/generate does: let both use the same generator.")
    expect([e.data for e in stream.events][-1:]).to_be([e.data for e in other.events][-1:], unlike)
    expect(stream.text).to_be(other.text, unlike)


def not_streamed(stream: Stream) -> str | None:
    kind = media_type(stream.header("content-type"))
    if kind == "application/json":
        return _("Without `stream` in the body /chat streams: its default is `True`.")
    if kind == "application/jsonl":
        return other_kind(kind)
    if stream.text:
        return _("/chat sent nothing until the LLM had finished.")
    return None


def reply_of(stream: Reply) -> Reply:
    if stream.status == 200 and stream.header("content-type").startswith("text/event-stream"):
        fail(_("/chat streamed although `stream` was false."), expected="application/json")
    return stream.should_be(200)


def without_stream(api: Api, settings: Settings, message: str, **more: Any) -> Reply:
    body = {"message": message, "stream": False, **more}
    return reply_of(api.post(CHAT, body, token=token_for(api, settings)))


@task("3.6")
def test_without_stream_chat_answers_one_json(api: Api, llm: LocalLLM, settings: Settings) -> None:
    said = llm.will_say(" - " + word(), "\n\n", "coração", " 🙂\n")
    message = word()
    reply = without_stream(api, settings, message)
    request = asked(llm)

    def not_said(got: Any) -> str | None:
        if isinstance(got, str) and got.strip() == said.text.strip():
            return _("The spaces at the ends of the answer are gone: is there a `strip()`?")
        if not isinstance(got, str):
            return _("`reply` should be text: the message's `.text`, not the message itself.")
        return None

    expect(reply.field("reply"), "reply").to_be(said.text, not_said)
    nobody = _("`user` is who is logged in, as `get_current_user` says.")
    expect(reply.field("user"), "user").to_be("admin", nobody)
    unnamed = _("`model` is the one that was asked; when the request brings none, the default.")
    expect(reply.field("model"), "model").to_be(request.model, unnamed)
    expect(request.prompt).to_contain(message, _("The LLM was not asked the `message` of the request."))
    again = _("The LLM was asked more than once for one message: one `ainvoke` is enough.")
    expect(len(llm.requests), _("requests to the LLM")).to_be(1, again)


@task("3.6")
def test_a_whole_answer_holds_nobody_up(api: Api, llm: LocalLLM, settings: Settings) -> None:
    said = llm.will_say(word(), gated=True)
    model = "modelo-" + word()
    body = {"message": word(), "stream": False, "model": model}
    waiting = api.begin("POST", CHAT, body, token=token_for(api, settings))
    if not happens(api, llm, lambda: said.request is not None, waiting):
        reply_of(waiting)
        asked(llm)
    other = api.begin("GET", "/" + word())
    answered = api.patiently(other.has_come, other.call)
    said.finish()
    # To its end: an LLM that hangs up too early is asked again, in the middle of some other check.
    api.patiently(waiting.has_come, waiting.call)
    if not answered:
        fail(_("While /chat waited for the LLM, nobody else was answered: use `await llm.ainvoke(…)`."))
    reply = reply_of(waiting)
    ignored = _("/chat ignored the `model` of the request.")
    expect(asked(llm).model, _("the model asked")).to_be(model, ignored)
    expect(reply.field("model"), "model").to_be(model, _("`model` is the one that was asked."))


# 3.7


@task("3.7")
def test_while_a_stream_waits_everything_else_goes_on(api: Api, llm: LocalLLM, settings: Settings) -> None:
    held = llm.will_say(*words(4), gated=True)
    prompt = word()
    with generate(api, settings, prompt) as stream:
        held.release(2)
        if not happens(api, llm, has_left(held, 2), stream) and stream.call.status is not None:
            begun_well(stream)
            asked(llm)
        for method, path in (("GET", "/" + word()), ("POST", "/login")):
            request = api.begin(method, path, {"username": "admin", "password": word()})
            if not api.patiently(request.has_come, request.call):
                fail(held_up(held))
        said = llm.will_say(*words(4))
        with generate(api, settings) as other:
            other.rest()
        held.finish()
        stream.rest()
    keep_to_themselves(prompt, held, stream, said, other)
    if missing(said.tokens[:-1], other.text):
        if other.call.status is not None:
            begun_well(other)
        alone = _("The second stream waited for the first to end: is there a lock around it?")
        fail(alone, expected=show(said.text), got=show(other.text))


def held_up(held: Answer) -> str:
    if through_sync_client(held.request):
        return _("`llm.stream` waits without `await`, and the whole server with it: read with `llm.astream`.")
    return _("While a stream waited for its next token, nothing else was answered.")


def keep_to_themselves(prompt: str, held: Answer, stream: Stream, said: Answer, other: Stream) -> None:
    foreign = [t for t in said.tokens if t in stream.text] + [t for t in held.tokens if t in other.text]
    shared = _("A stream got words of another one: what they share (a list, a queue) must be made in each.")
    expect(foreign, _("another's words")).to_be([], shared)
    if said.request and prompt.encode() in said.request.raw:
        fail(
            _("The LLM was told another stream's prompt as well: is there a history that all of them share?")
        )


# 3.8


def gateway_failure(reply: Reply, upstream: int = 0) -> None:
    """The answer to a failure of the LLM's before the first token."""

    def otherwise(reply: Reply) -> str | None:
        if reply.status == 200 and DONE in reply.call.received.decode("utf-8", "replace"):
            return _("The LLM failed, and the client was told that all went well: `[DONE]`.")
        if reply.status == 200:
            return _(
                "The 200 had left before the LLM was asked: a `StreamingResponse` sends it before your "
                "generator runs. Wait for the first token before that."
            )
        if reply.status == 500:
            return _(
                "500 says that your own code is at fault: catch `openai.OpenAIError` and answer 502 or 503."
            )
        if reply.status == upstream:
            return _(
                "{status} is what the LLM told you. To your client it says something else: answer 502."
            ).format(status=upstream)
        return None

    if reply.status not in (502, 503):
        reply.should_be(502, otherwise)
    silent = _("`detail` should say what happened: whoever called can do nothing with an empty one.")
    expect(reply.field("detail"), "detail").to_hold(bool, "…", silent)


@task("3.8")
def test_a_failure_before_the_first_token_is_a_status(api: Api, llm: LocalLLM, settings: Settings) -> None:
    for status in (401, 500):
        llm.reset()
        llm.will_fail(status, headers=FINAL, times=None)
        gateway_failure(api.post(GENERATE, {"prompt": word()}, token=token_for(api, settings)), status)


@task("3.8")
def test_a_connection_lost_before_the_first_token_is_told(
    api: Api, llm: LocalLLM, settings: Settings
) -> None:
    llm.will_say(then="cut")
    stream = generate(api, settings)
    stream.rest()
    # A chunk without text has come by then: who took it for the first token can still send an error event.
    if stream.status == 200 and stream.ended and stream.events:
        failed_openly(stream, [])
    else:
        gateway_failure(stream)


@task("3.8")
def test_a_failure_without_stream_is_a_status_too(api: Api, llm: LocalLLM, settings: Settings) -> None:
    llm.will_fail(401, headers=FINAL, times=None)
    body = {"message": word(), "stream": False}
    gateway_failure(api.post(CHAT, body, token=token_for(api, settings)), 401)


@task("3.8")
def test_a_failure_in_mid_stream_is_an_error_event(api: Api, llm: LocalLLM, settings: Settings) -> None:
    endings: tuple[Ending, ...] = ("cut", "error")
    for then in endings:
        said = llm.will_say(*words(3), gated=True, then=then)
        with generate(api, settings) as stream:
            said.release(3)
            comes(api, stream, said.tokens[1])
            said.finish()
            stream.rest()
            begun_well(stream)
        failed_openly(stream, said.tokens)


def failed_openly(stream: Stream, before: Sequence[str]) -> None:
    """The end of a stream that the LLM could not finish."""
    lost = _("Of what the LLM had said before it failed, not all arrived.")
    expect(missing(before, stream.text), _("words missing")).to_be([], lost)
    data = [event.data for event in stream.events]
    as_if_whole = _(
        "The answer was cut, and ended with `[DONE]` all the same: that belongs after the loop only."
    )
    expect(data).not_to_contain(DONE, as_if_whole)
    if not any(event.event == "error" for event in stream.events):
        fail(no_error(stream, before), expected="event: error", got=show("".join(data)))


def no_error(stream: Stream, before: Sequence[str]) -> str:
    if stream.broken:
        return _("The connection broke: an exception left your generator. Catch it there, and send an event.")
    if b"event: error" in stream.call.received:
        return _("An event without a `data:` field is never delivered: say something in it.")
    if stream.text != "".join(before):
        return _("The error came as if it were text: give its event a name, `event: error`.")
    return _("The stream just ended: its client takes half an answer for a whole one.")


# 3.9


def hangs_up(api: Api, llm: LocalLLM, said: Answer) -> bool:
    # Thrice: a program that looks now and then whether its client is still there is right too.
    for _try in range(3):
        if happens(api, llm, lambda: said.request is not None and said.request.hung_up):
            return True
        if api.blocked_at:
            break
    return False


def ends_with_its_client(api: Api, llm: LocalLLM, stream: Stream, said: Answer) -> None:
    """Leave a stream in the middle, and see whether the LLM's request ends too."""
    with stream:
        said.release(3)
        if not comes(api, stream, said.tokens[2]) and stream.call.status is not None:
            begun_well(stream)
            asked(llm)
        # Once it has answered anybody, all that it does for the stream is to wait for the LLM again.
        api.responds()
    if hangs_up(api, llm, said):
        return
    if through_sync_client(said.request):
        fail(_("The client left, and the LLM talks on: `llm.stream` cannot be cancelled, `llm.astream` can."))
    fail(
        _(
            "The client left, and the LLM talks on. Does a task of its own read it (`create_task`, a graph)? "
            "Cancel it in a `finally`. Is a `CancelledError` caught? Let it pass."
        )
    )


@task("3.9")
def test_who_leaves_generate_ends_the_llms_request(api: Api, llm: LocalLLM, settings: Settings) -> None:
    said = llm.will_say(*words(5), gated=True)
    ends_with_its_client(api, llm, generate(api, settings), said)


@task("3.9")
def test_who_leaves_chat_ends_the_llms_request(api: Api, llm: LocalLLM, settings: Settings) -> None:
    said = llm.will_say(*words(5), gated=True)
    ends_with_its_client(api, llm, chat(api, settings, stream=True), said)


# 3.10


def ask_agent(api: Api, settings: Settings) -> Stream:
    return api.stream(AGENT, {"message": f"Explique {word()}"}, token=token_for(api, settings))


def its_tool(api: Api, llm: LocalLLM, settings: Settings) -> dict[str, Any]:
    """The tool of the agent that needs the fewest arguments, as the LLM is told of it."""
    with ask_agent(api, settings) as stream:
        stream.rest()
    if stream.call.status == 404:
        skip(_("The bonus was not tried: there is no /agent."))
    begun_well(stream)
    tools = asked(llm).body.get("tools")
    if not tools:
        fail(_("The LLM was not told of any tool: `bind_tools`."), expected='"tools": […]')
    functions = [dict(tool["function"]) for tool in tools]
    return min(functions, key=lambda function: len(required(function)))


def required(function: dict[str, Any]) -> dict[str, Any]:
    schema = function.get("parameters", {})
    return {name: schema["properties"][name] for name in schema.get("required", [])}


def made_up(schema: dict[str, Any]) -> Any:
    """A value that a tool can hardly stumble over: it is a number, a word and an expression."""
    simple = {"integer": 2, "number": 2, "boolean": True, "array": [], "object": {}}
    return schema["enum"][0] if "enum" in schema else simple.get(schema.get("type", ""), "2")


@task("3.10")
def test_an_agent_uses_its_tool_and_streams_the_answer(api: Api, llm: LocalLLM, settings: Settings) -> None:
    tool = its_tool(api, llm, settings)
    llm.will_call(tool["name"], {name: made_up(schema) for name, schema in required(tool).items()})
    said = llm.will_say(*words(4), gated=True)
    with ask_agent(api, settings) as stream:
        if not happens(api, llm, lambda: said.request is not None, stream):
            stream.rest()
            begun_well(stream)
            fail(
                _("The LLM asked for the tool `{name}` and never heard of it again.").format(
                    name=tool["name"]
                )
            )
        result_is_told(said.request)
        said.release(3)
        if not comes(api, stream, said.tokens[0]):
            fail(
                _("The agent sent nothing until the LLM had finished."), expected=show(said.tokens[0]) + " …"
            )
        said.finish()
        events = stream.rest()
    # Events of another name may tell what the tool does meanwhile.
    texts: dict[str, str] = {}
    for event in events:
        texts[event.event] = texts.get(event.event, "") + event.data.removesuffix(DONE)
    more = _("More than the LLM's answer was sent: do tool results (`ToolMessage`) slip through?")
    if said.text not in texts.values():
        fail(more if said.text in stream.text else "", expected=show(said.text), got=show(stream.text))
    expect(events[-1].data, _("the last event")).to_be(DONE)


def result_is_told(request: Request | None) -> None:
    roles = [message.get("role") for message in request.messages] if request else []
    untold = _("The LLM was asked again, but without the tool's result: a message of the role `tool`.")
    expect(roles, _("roles of the messages")).to_contain("tool", untold)
