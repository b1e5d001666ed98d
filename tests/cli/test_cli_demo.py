import os
import re
import socket
import threading
import urllib.error
import urllib.request

import pytest


def get(url):
    """An answer, once the server listens: it says that it has started a moment before."""
    while True:
        try:
            with urllib.request.urlopen(url) as response:
                return response.read()
        except (urllib.error.URLError, ConnectionError) as error:
            if not isinstance(getattr(error, "reason", error), ConnectionError):
                raise


@pytest.fixture
def demo(start):
    """`workbook demo 1`, serving; and its port."""
    running = start("demo", "1")
    port = re.search(r"http://localhost:(\d+)/docs\n", running.until("/docs\n"))
    assert port
    running.until("Application startup complete")
    return running, int(port[1])


def test_demo_serves_the_reference_and_ctrl_c_ends_it_all(demo, nothing_left):
    running, port = demo
    assert get(f"http://localhost:{port}/hello") == b'"oi"'
    assert running.end() == 0
    assert "Traceback" not in running.rest()
    nothing_left()


def test_a_demo_whose_caller_dies_ends_too(demo, nothing_left):
    running, _port = demo
    running.process.kill()
    running.rest()
    nothing_left()


def test_demo_shows_the_curl_lines_of_the_guide_for_its_port(start):
    running = start("demo", "1")
    port = re.search(r"http://localhost:(\d+)/docs", running.until("/docs\n"))
    assert port
    running.until(rf"curl -s http://localhost:{port[1]}/hello\n")


def test_demo_takes_the_next_port_where_one_is_taken(start):
    with socket.socket() as other:
        if os.name == "posix":  # Else a connection closed a moment ago counts as one that listens.
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 8000))
            other.listen()
        except OSError:
            pass  # Taken, as it should be.
        running = start("demo", "1")
        port = re.search(r"localhost:(\d+)", running.until("/docs\n"))
        assert port
        assert int(port[1]) > 8000


def test_demo_reloads_what_is_edited(demo, root):
    running, port = demo
    solution = root / "solutions/day1_hello.py"
    edited, noticed = solution.read_text().replace('"oi"', '"olá"'), threading.Event()

    def save_until_noticed():
        # The server is up a moment before its reloader looks at the files.
        while not noticed.wait(0.5):
            solution.write_text(edited)

    editor = threading.Thread(target=save_until_noticed)
    editor.start()
    try:
        running.until("Reloading")
    finally:
        noticed.set()
        editor.join()
    running.until("Application startup complete")
    assert get(f"http://localhost:{port}/hello").decode() == '"olá"'


def test_llm_says_its_address_and_how_to_ask(start, nothing_left):
    running = start("llm", "--port", "0")
    said = running.until(r"-d '\{.*\}'\n")
    address = re.search(r"http://127\.0\.0\.1:\d+/v1", said)
    assert address
    assert f"curl -N {address[0]}/chat/completions" in said
    assert b'"workbook"' in get(address[0] + "/models")
    assert running.end() == 0
    assert "Traceback" not in running.rest()
    nothing_left()


def test_llm_says_what_to_do_where_its_port_is_taken(start, workbook):
    running = start("llm", "--port", "0")
    port = re.search(r":(\d+)/v1", running.until("/v1"))
    assert port
    done = workbook("llm", "--port", port[1])
    assert done.returncode == 2
    assert f"Another one: workbook llm --port {int(port[1]) + 1}" in done.stderr
