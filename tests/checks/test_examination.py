"""A check meets a program: what it can prove, and what the student then reads."""

import threading

import pytest

from workbook.checks import Session, expect, fail, skip
from workbook.checks.limit import CalledOff
from workbook.checks.task import CheckFunction

STREAMS = """
    import os, httpx
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse
    app = FastAPI()

    async def tokens(prompt):
        body = {"messages": [{"role": "user", "content": prompt}], "stream": True}
        async with httpx.AsyncClient(timeout=60) as client:
            url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
            async with client.stream("POST", url, json=body) as r:
                async for line in r.aiter_lines():
                    if line.startswith("data: {"):
                        import json
                        choices = json.loads(line[6:])["choices"]
                        if choices and choices[0]["delta"].get("content"):
                            yield choices[0]["delta"]["content"]
"""
RIGHT = (
    STREAMS
    + """
    @app.post("/")
    async def generate(body: dict):
        async def events():
            async for token in tokens(body["prompt"]):
                yield f"data: {token}\\n\\n"
            yield "data: [DONE]\\n\\n"
        return StreamingResponse(events(), media_type="text/event-stream")
"""
)
BUFFERED = (
    STREAMS
    + """
    @app.post("/")
    async def generate(body: dict):
        async def events():
            for token in [token async for token in tokens(body["prompt"])]:
                yield f"data: {token}\\n\\n"
            yield "data: [DONE]\\n\\n"
        return StreamingResponse(events(), media_type="text/event-stream")
"""
)
ONE_LATE = (
    STREAMS
    + """
    @app.post("/")
    async def generate(body: dict):
        async def events():
            before = None
            async for token in tokens(body["prompt"]):
                if before is not None:
                    yield f"data: {before}\\n\\n"
                before = token
            yield f"data: {before}\\n\\ndata: [DONE]\\n\\n"
        return StreamingResponse(events(), media_type="text/event-stream")
"""
)


def each_token_leaves_before_the_next_exists(api, llm):
    said = llm.will_say("um", " dois", " três", gated=True)
    with api.stream("/", {"prompt": "conte"}) as stream:
        so_far = ""
        for word in said.tokens:
            so_far += word
            said.release()
            expect(stream.until(so_far)).to_be(so_far, "late")
        said.finish()
        expect(stream.rest()[-1].data).to_be("[DONE]")


def test_a_streaming_program_passes(examine):
    assert examine(RIGHT, each_token_leaves_before_the_next_exists).status == "passed"


@pytest.mark.parametrize("program", [BUFFERED, ONE_LATE], ids=["buffered", "one token late"])
def test_a_program_that_holds_tokens_back_fails_with_what_was_seen(examine, program):
    check = examine(program, each_token_leaves_before_the_next_exists)
    assert check.status == "failed"
    assert 'POST / {"prompt": "conte"}' in check.message
    assert 'the LLM said  "um"\ngot           ""\nlate' in check.message


def test_a_blocked_event_loop_is_named_with_its_line(examine):
    def health_is_answered_meanwhile(api, llm):
        said = llm.will_say("x", gated=True)
        api.begin("POST", "/ask")
        api.eventually(lambda: said.request is not None)
        health = api.begin("GET", "/health")
        if not api.patiently(health.has_come, health.call):
            fail("health waits")

    blocking = """
        import os, httpx
        from fastapi import FastAPI
        app = FastAPI()

        @app.post("/ask")
        async def ask():
            url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
            return httpx.post(url, json={"messages": [{}]}, timeout=60).json()

        @app.get("/health")
        async def health(): return {}
    """
    message = examine(blocking, health_is_answered_meanwhile).message
    assert "health waits" in message
    assert "the event loop stood still at template.py:9: return httpx.post(url" in message


HEALTH = """
    from fastapi import FastAPI
    app = FastAPI()

    @app.get("/health")
    async def health():
        return {"status": "Ok"}

    @app.get("/bug")
    async def bug():
        return {}["key"]

    @app.get("/todo")
    async def todo():
        raise NotImplementedError("TODO 3.4")

    @app.get("/deep")
    async def deep():
        import json
        return json.loads("not JSON")
"""


def test_a_wrong_value_is_shown_beside_the_right_one(examine):
    def check(api):
        expect(api.get("/health").should_be(200).field("status"), "status").to_be("ok")

    assert examine(HEALTH, check).message == (
        'GET /health → 200 application/json\nexpected  status: "ok"\ngot       status: "Ok"'
    )


def test_a_missing_field_is_named(examine):
    def check(api):
        api.get("/health").field("version")

    assert "The answer has no field `version`." in examine(HEALTH, check).message


def test_an_unwanted_status_says_what_it_usually_means(examine):
    def check(api):
        api.post("/helth", {}).should_be(200)

    assert "There is no route /helth in your app" in examine(HEALTH, check).message


def test_the_apps_own_traceback_is_quoted(examine):
    def check(api):
        api.get("/bug").should_be(200)

    message = examine(HEALTH, check).message
    assert "KeyError: 'key'" in message
    assert 'return {}["key"]' in message
    assert "site-packages" not in message


def test_what_is_not_done_yet_is_said_in_one_line(examine):
    def check(api):
        api.get("/todo").should_be(200)

    assert examine(HEALTH, check).message == "Not done yet: TODO 3.4 (template.py:15)"


def test_a_mistake_that_is_proven_is_told_though_a_part_is_not_done_yet(examine):
    def check(api):
        api.get("/todo")
        fail("An empty message was let through.", proven=True)

    assert examine(HEALTH, check).message == "GET /todo → 500 text/plain\nAn empty message was let through."


def test_a_long_traceback_begins_with_the_students_own_line(examine):
    def check(api):
        api.get("/deep").should_be(200)

    message = examine(HEALTH, check).message
    assert 'json.loads("not JSON")' in message
    assert "JSONDecodeError: Expecting value" in message


def test_a_bug_in_the_check_is_an_error_and_not_the_students(examine):
    def check(api):
        raise ZeroDivisionError

    check = examine(HEALTH, check)
    assert check.status == "error"
    assert "our fault" in check.message


def test_a_check_can_be_skipped_with_a_reason(examine):
    def check(api):
        skip("a bonus")

    assert (examine(HEALTH, check).status, examine(HEALTH, check).message) == ("skipped", "a bonus")


def test_an_app_that_dies_in_one_check_is_back_for_the_next(write, warm):
    file = write("""
        import os
        from fastapi import FastAPI
        app = FastAPI()

        @app.get("/die")
        async def die():
            os._exit(0)

        @app.get("/health")
        async def health(): return {}
    """)

    def dies(api):
        api.get("/die").should_be(200)

    def lives(api):
        api.get("/health").should_be(200)

    with Session(file, warm) as session:
        statuses = [session.run(CheckFunction("1.1", 30, check)).status for check in (lives, dies, lives)]
    assert statuses == ["passed", "failed", "passed"]


def test_a_check_has_a_time_limit_of_its_own(write, warm):
    def waits_for_nothing(api, llm):
        said = llm.will_say("never released", gated=True)
        with api.stream("/", {"prompt": "x"}) as stream:
            api.wait(lambda: said.request is not None and stream.text == "anything", stream.call)

    with Session(write(RIGHT), warm) as session:
        check = session.run(CheckFunction("1.1", 1, waits_for_nothing))
    assert check.status == "failed"


def test_serve_starts_the_app_in_another_world(examine):
    program = """
        import os
        from fastapi import FastAPI
        if not os.getenv("JWT_SECRET_KEY"):
            raise RuntimeError("JWT_SECRET_KEY is missing")
        app = FastAPI(title=os.environ["JWT_SECRET_KEY"])
    """

    def check(serve):
        other = serve(JWT_SECRET_KEY="another")
        expect(other.get("/openapi.json").json()["info"]["title"]).to_be("another")
        expect(serve.refused(JWT_SECRET_KEY=None).message).to_be("JWT_SECRET_KEY is missing")
        serve.refused(JWT_SECRET_KEY="fine")

    check = examine(program, check)
    assert check.status == "failed"
    assert 'the app refuses to start with JWT_SECRET_KEY="fine"' in check.message


def test_what_an_app_left_open_at_shutdown_can_be_seen(examine):
    program = """
        import os, httpx
        from contextlib import asynccontextmanager
        from fastapi import FastAPI

        @asynccontextmanager
        async def lifespan(app):
            app.state.client = httpx.AsyncClient(base_url=os.environ["OPENAI_BASE_URL"])
            yield
            %s

        app = FastAPI(lifespan=lifespan)

        @app.post("/ask")
        async def ask():
            return (await app.state.client.get("/models")).json()
    """

    def check(serve, llm):
        api = serve()
        api.post("/ask").should_be(200)
        expect(llm.open_connections).to_be(1)
        api.app.stop()
        expect(llm.wait(lambda: llm.open_connections == 0, 1)).to_be(True)

    assert examine(program % "await app.state.client.aclose()", check).status == "passed"
    assert examine(program % "pass", check).status == "failed"


def test_a_stream_that_goes_on_slowly_is_not_taken_for_silent(examine):
    def check(api):
        with api.stream("/") as stream:
            expect(stream.rest()[-1].data).to_be("[DONE]")

    program = """
        import asyncio
        from fastapi import FastAPI
        from fastapi.responses import StreamingResponse
        app = FastAPI()

        @app.post("/")
        async def slow():
            async def events():
                for n in range(20):
                    yield f"data: {n}\\n\\n"
                    await asyncio.sleep(0.05)
                yield "data: [DONE]\\n\\n"
            return StreamingResponse(events(), media_type="text/event-stream")
    """
    assert examine(program, check).status == "passed"


def test_a_run_can_be_called_off_even_while_the_app_hangs_at_import(write, warm):
    off = threading.Event()

    def check(api):
        pass

    threading.Timer(0.5, off.set).start()
    with Session(write("while True: pass"), warm, off=off) as session, pytest.raises(CalledOff):
        session.run(CheckFunction("1.1", 30, check))


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("", "template.py has no `app`: create one with `app = FastAPI()`."),
        ("from fastapi import FastAPI\napp = FastAPI", "`app` is no app (app = <class 'fastapi"),
        ("app = 'app'", "`app` is no app (app = 'app')"),
        ("import flask_nowhere", "Your app does not import: ModuleNotFoundError at template.py:1"),
        (
            "import uvicorn\nuvicorn.run(None, port=-1)",
            "The server is started for you: leave `uvicorn.run` out",
        ),
        ("raise SystemExit", "template.py:1 ended the program (`sys.exit`) before the app was up."),
    ],
)
def test_an_app_that_is_not_there_is_told_in_a_line(examine, program, words):
    assert words in examine(program, lambda api: None).message
