"""An app brought up in a process of its own, by each kind of source."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from workbook.runner import App, Failed, Source, Warm
from workbook.runner.log import HEAD, TAIL
from workbook.runner.process import CAN_FORK

HELLO = """
    from fastapi import FastAPI
    app = FastAPI()

    @app.get("/")
    async def hello():
        return {"hello": "world"}
"""


def get(app: App, path: str = "/") -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{app.port}{path}", trust_env=False)


def failure_of(file: Path, source: Source, limit: float = 20) -> Failed:
    with App(file, source=source) as app, pytest.raises(Failed) as caught:
        app.wait_started(limit)
    return caught.value


def test_a_file_with_an_app_is_served(write, source):
    with App(write(HELLO), source=source) as app:
        app.wait_started()
        assert get(app).json() == {"hello": "world"}


def test_an_app_factory_is_served_too(write, warm):
    file = write("""
        from fastapi import FastAPI

        def create_app():
            return FastAPI(title="made")
    """)
    with App(file, source=warm) as app:
        app.wait_started()
        assert get(app, "/openapi.json").json()["info"]["title"] == "made"


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be set here")
def test_the_clock_of_the_app_stands_in_the_zone_given(write, source):
    file = write("""
        import time
        from fastapi import FastAPI
        app = FastAPI()

        @app.get("/")
        async def offset():
            return time.localtime().tm_gmtoff
    """)
    with App(file, source=source, env={"TZ": "BRT3"}) as app:
        app.wait_started()
        assert get(app).json() == -3 * 3600


def test_what_is_sent_to_an_app_that_is_held_arrives_at_once(write, source):
    file = write("""
        import asyncio
        from fastapi import FastAPI
        app = FastAPI()
        guests = []

        @app.get("/")
        async def meet():
            guests.append("one more")
            await asyncio.sleep(0)
            return len(guests)
    """)
    with App(file, source=source) as app:
        app.wait_started()
        sockets = [socket.create_connection(("127.0.0.1", app.port)) for _ in range(3)]
        for each in sockets:
            each.sendall(b"GET / HTTP/1.0\r\n")
        # Whoever comes after them and is answered shows that they were let in.
        get(app, "/none")
        with app.held():
            for each in sockets:
                each.sendall(b"\r\n")
        answers = []
        for each in sockets:
            with each, each.makefile("rb") as answer:
                answers.append(answer.read())
        assert [answer[-1:] for answer in answers] == [b"3", b"3", b"3"]


def test_the_app_sees_the_given_environment_and_nothing_of_the_callers(write, source, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "the caller's own")
    file = write("""
        import os
        from fastapi import FastAPI
        app = FastAPI()

        @app.get("/")
        def env():
            return dict(os.environ)
    """)
    with App(file, source=source, env={"DEFAULT_MODEL": "small"}) as app:
        app.wait_started()
        env = get(app).json()
    assert env["DEFAULT_MODEL"] == "small"
    assert "OPENAI_API_KEY" not in env


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_the_environment_that_the_process_began_with_is_clean_too(write, source, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "the caller's own")
    with App(write(HELLO), source=source) as app:
        app.wait_started()
        pid = app.events("listening")[0]["pid"]
        assert b"the caller's own" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_load_dotenv_finds_the_given_settings_and_no_others(write, warm):
    file = write("""
        import os
        from dotenv import load_dotenv
        from fastapi import FastAPI
        load_dotenv()
        app = FastAPI(title=os.getenv("TITLE", "none"))
    """)
    (file.parent / ".env").write_text("TITLE=the student's own\n")
    for dotenv, title in (("TITLE=given\n", "given"), ("", "none")):
        with App(file, source=warm, dotenv=dotenv) as app:
            app.wait_started()
            assert get(app, "/openapi.json").json()["info"]["title"] == title


def test_a_module_beside_the_course_finds_the_given_settings_too(write, warm, tmp_path):
    (tmp_path / ".env").write_text("TITLE=the student's own\n")
    (tmp_path / "yesterday.py").write_text("from dotenv import load_dotenv\nload_dotenv()\n")
    file = write("""
        import os
        import yesterday
        from fastapi import FastAPI
        app = FastAPI(title=os.getenv("TITLE", "none"))
    """)
    for dotenv, title in (("TITLE=given\n", "given"), ("", "none")):
        with App(file, source=warm, dotenv=dotenv, path=[tmp_path]) as app:
            app.wait_started()
            assert get(app, "/openapi.json").json()["info"]["title"] == title


def test_neighbours_can_be_imported_and_read(write, source):
    file = write("""
        from pathlib import Path
        from fastapi import FastAPI
        from greeting import WORD
        app = FastAPI(title=WORD + Path(__file__).with_name("name.txt").read_text() + open("name.txt").read())
    """)
    file.with_name("greeting.py").write_text("WORD = 'hello '\n")
    file.with_name("name.txt").write_text("you ")
    with App(file, source=source) as app:
        app.wait_started()
        assert get(app, "/openapi.json").json()["info"]["title"] == "hello you you "


def test_a_neighbour_that_hides_a_library_hides_it_warm_as_cold(write, source):
    file = write("""
        from fastapi import FastAPI
        import httpx
        app = FastAPI(title=httpx.WHO)
    """)
    file.with_name("httpx.py").write_text("WHO = 'the neighbour'\n")
    with App(file, source=source) as app:
        assert app.shadows() == ["httpx"]
        app.wait_started()
        assert get(app, "/openapi.json").json()["info"]["title"] == "the neighbour"


def test_a_file_saved_while_it_runs_changes_nothing(write, warm):
    file = write(HELLO)
    with App(file, source=warm) as app:
        file.write_text("this is no longer Python (")
        app.wait_started()
        assert get(app).status_code == 200


def test_a_syntax_error_is_told_with_its_line(write, source):
    failed = failure_of(file := write("from fastapi import FastAPI\napp = FastAPI(\n"), source)
    assert (failed.during, failed.type, failed.line) == ("import", "SyntaxError", 2)
    assert failed.file == str(file)
    assert "app = FastAPI(" in failed.traceback


def test_an_exception_at_import_is_told_with_the_line_of_the_students_file(write, source):
    file = write("""
        from fastapi import FastAPI
        import json
        json.loads("not json")
        app = FastAPI()
    """)
    failed = failure_of(file, source)
    assert (failed.during, failed.type, failed.line) == ("import", "JSONDecodeError", 4)
    assert failed.file == str(file)
    assert "host.py" not in failed.traceback


def test_sys_exit_at_import_is_told(write, source):
    failed = failure_of(write("import sys\nsys.exit(0)\n"), source)
    assert (failed.during, failed.type, failed.line) == ("import", "SystemExit", 2)


def test_a_process_that_ends_without_a_word_is_told(write, source):
    failed = failure_of(write("import os\nprint('last words')\nos._exit(0)\n"), source)
    assert failed.during == "exit"
    assert "last words" in failed.log


def test_an_endless_loop_at_import_is_told_with_its_line(write, source):
    failed = failure_of(write("n = 0\nwhile True:\n    n += 1\n"), source, limit=2)
    assert failed.during == "hang"
    assert failed.line in (2, 3)


def test_a_file_without_an_app_is_told(write, source):
    assert failure_of(write("application = 1\n"), source).type == "NoApp"


def test_a_lifespan_that_raises_is_told_with_its_line(write, source):
    file = write("""
        from contextlib import asynccontextmanager
        from fastapi import FastAPI

        @asynccontextmanager
        async def lifespan(app):
            raise RuntimeError("no secret")
            yield

        app = FastAPI(lifespan=lifespan)
    """)
    failed = failure_of(file, source)
    assert (failed.during, failed.type, failed.message) == ("startup", "RuntimeError", "no secret")
    assert (failed.file, failed.line) == (str(file), 7)


def test_a_hundred_megabytes_of_print_neither_block_nor_stay(write, source):
    file = write("""
        for _ in range(1000):
            print("x" * 100_000)
        print("the end")
        from fastapi import FastAPI
        app = FastAPI()
    """)
    with App(file, source=source) as app:
        app.wait_started()
        assert app.printed > 100_000_000
        assert "the end" in app.log
        assert len(app.log) < HEAD + 3 * TAIL


def test_an_exception_in_a_handler_can_be_quoted(write, warm):
    file = write("""
        from fastapi import FastAPI
        app = FastAPI()

        @app.get("/")
        async def divide():
            return 1 / 0
    """)
    with App(file, source=warm) as app:
        app.wait_started()
        before = app.printed
        assert get(app).status_code == 500
        app.stop()
        crash = app.crash(before)
    assert crash
    assert (crash.type, crash.message, crash.file, crash.line) == (
        "ZeroDivisionError",
        "division by zero",
        str(file),
        7,
    )
    assert crash.traceback.startswith(f'  File "{file}"')


def test_where_names_the_line_that_blocks_the_event_loop(write, warm):
    file = write("""
        import time
        from fastapi import FastAPI
        app = FastAPI()

        @app.get("/")
        async def block():
            time.sleep(30)
    """)
    with App(file, source=warm) as app:
        app.wait_started()
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"http://127.0.0.1:{app.port}/", timeout=0.2, trust_env=False)
        where = app.where()
    assert where
    assert (where["file"], where["line"], where["text"]) == (str(file), 8, "time.sleep(30)")


def test_stop_shuts_the_app_down_and_leaves_the_process_to_be_looked_at(write, source):
    file = write("""
        from contextlib import asynccontextmanager
        from fastapi import FastAPI

        @asynccontextmanager
        async def lifespan(app):
            yield
            print("closed properly")

        app = FastAPI(lifespan=lifespan)
    """)
    with App(file, source=source) as app:
        app.wait_started()
        assert app.stop()
        assert not app.alive
        os.kill(app.events("listening")[0]["pid"], 0)
    assert "closed properly" in app.log


def test_a_langchain_run_is_seen_however_the_program_made_it(write, source):
    file = write("""
        from fastapi import FastAPI
        app = FastAPI()

        @app.get("/")
        def run():
            from langchain_core.language_models import FakeListChatModel
            return FakeListChatModel(responses=["hi"]).invoke("who is there?").text
    """)
    with App(file, source=source) as app:
        app.wait_started()
        assert app.events("langchain") == []
        assert get(app).json() == "hi"
        assert [event["prompt"] for event in app.events("langchain")] == ["who is there?"]


def test_input_finds_nothing_and_does_not_wait(write, source):
    assert failure_of(write("name = input('name? ')\n"), source).type == "EOFError"


@pytest.mark.skipif(sys.platform == "win32", reason="looks for processes the POSIX way")
def test_closing_ends_the_app_with_all_it_started_and_removes_its_folder(write, source, tmp_path):
    file = write(f"""
        import subprocess, sys
        from fastapi import FastAPI
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open({str(tmp_path / "pids")!r}, "w").write(str(child.pid))
        app = FastAPI(title=__file__)
    """)
    with App(file, source=source) as app:
        app.wait_started()
        copy = Path(get(app, "/openapi.json").json()["info"]["title"])
        pids = [app.events("listening")[0]["pid"], int((tmp_path / "pids").read_text())]
        assert copy.exists()
    assert_ended(pids)
    assert not copy.parent.parent.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="looks for processes the POSIX way")
@pytest.mark.parametrize("source_class", ["Cold", "Spare", "Warm"])
def test_a_caller_that_is_killed_leaves_no_process_behind(write, tmp_path, source_class):
    script = tmp_path / "caller.py"
    script.write_text(f"""
import time
from pathlib import Path
from workbook.runner import App
from workbook.runner.process import {source_class}
app = App(Path({str(write(HELLO))!r}), source={source_class}())
app.wait_started()
print(app.events("listening")[0]["pid"], flush=True)
time.sleep(60)
""")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout
        pid = int(caller.stdout.readline())
        children = children_of(caller.pid)
        caller.send_signal(signal.SIGKILL)
    assert_ended([pid, *children])


def children_of(pid: int) -> list[int]:
    command = ["ps", "-eo", "pid,ppid,comm"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listing.splitlines()[1:]]
    return [int(child) for child, parent, name in rows if int(parent) == pid and name != "ps"]


def assert_ended(pids: list[int]) -> None:
    """Each of these processes ends within a few seconds (a zombie waiting for init has ended)."""
    ends = time.monotonic() + 10
    while (left := [pid for pid in pids if runs(pid)]) and time.monotonic() < ends:
        time.sleep(0.02)
    assert not left


def runs(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")


def test_processes_made_ahead_serve_like_any_other(write):
    source = Warm()
    source.prepare(2)
    for _ in range(3):
        with App(write(HELLO), source=source) as app:
            app.wait_started()
            assert get(app).status_code == 200
    source.close()


@pytest.mark.skipif(not CAN_FORK, reason="only forks are made ahead")
def test_a_process_made_ahead_that_died_is_not_given_out(write):
    before = set(children_of(os.getpid()))
    source = Warm()
    with App(write(HELLO), source=source) as app:
        app.wait_started()
        source.prepare(1)
        (host,) = set(children_of(os.getpid())) - before
        ahead = set(children_of(host)) - {app.events("listening")[0]["pid"]}
        for pid in ahead:
            os.kill(pid, signal.SIGKILL)
        assert_ended([*ahead])
    assert ahead
    with App(write(HELLO), source=source) as app:
        app.wait_started()
        assert get(app).status_code == 200
    source.close()
