import json
import os
import re
import shutil
import signal
import socket
import stat
import urllib.request

import pytest

DONE = """from fastapi import FastAPI

app = FastAPI()


@app.get("/hello")
def hello():
    return "oi"
"""
POSIX = pytest.mark.skipif(os.name != "posix", reason="terminals and signals of POSIX")


def save(root, text, unit="day1_hello"):
    """As an editor does: beside the file, then in its place."""
    draft = root / unit / ".template.py.swp"
    draft.write_text(text)
    os.replace(draft, root / unit / "template.py")


@pytest.fixture
def watcher(start):
    """`workbook`, ready for a save."""
    running = start()
    running.until("Ctrl-C ends")
    return running


def test_it_begins_with_the_progress_the_next_task_and_how_to_begin(start):
    screen = start().until("Ctrl-C ends")
    assert re.search(r"Day 1: hello +─+ +0 / 100\nDay 2: more +─+ +0 / 100\n", screen)
    assert "Next task: 1.1  Say hello\n  Read day1_hello/GUIA_APRENDIZADO.md, 1.1\n" in screen
    assert "Edit day1_hello/template.py and save" in screen
    assert re.search(r"Local LLM: http://127\.0\.0\.1:\d+/v1\n", screen)


def test_it_makes_dotenv_with_a_secret_of_its_own_and_only_once(root, start):
    assert "Made .env" in start().until("Ctrl-C ends")
    made = (root / ".env").read_text()
    assert re.search(r"^JWT_SECRET_KEY=[\w-]{64}$", made, re.MULTILINE)
    assert made.startswith("# O LLM.\n")
    if os.name == "posix":
        assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o600
    assert "Made .env" not in start().until("Ctrl-C ends")
    assert (root / ".env").read_text() == made


def test_a_new_dotenv_names_a_port_that_is_free(root, start):
    example = root / ".env.example"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        example.write_text(re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", example.read_text()))
        screen = start().until("Ctrl-C ends")
    served = int(re.search(r"Local LLM: http://127\.0\.0\.1:(\d+)/v1\n", screen)[1])
    assert served > port
    assert f"OPENAI_BASE_URL=http://127.0.0.1:{served}/v1" in (root / ".env").read_text()


def test_each_save_brings_the_verdict_of_its_unit(root, watcher):
    save(root, DONE)
    screen = watcher.until(r"Next task: .*\n")
    assert "✓ 1.1" in screen
    assert "day1_hello: 60 of 100 points" in screen
    assert re.search(r"Day 1: hello +━+─+ +60 / 100", screen)
    assert screen.endswith("Next task: 1.2  Say goodbye\n")
    assert "Day 2: more\n" not in screen
    save(root, DONE, "day2_more")
    assert "day2_more: 0 of 100 points" in watcher.until("Next task: 2.1")


def test_progress_is_the_best_so_far_and_the_next_task_that_of_now(root, watcher):
    save(root, DONE)
    watcher.until("Next task: 1.2")
    save(root, DONE.replace("oi", "ai"))
    screen = watcher.until(r"Next task: .*\n")
    assert re.search(r"Day 1: hello +━+─+ +60 / 100", screen)
    assert screen.endswith("1.1  Say hello\n")


def test_a_file_beside_the_template_is_watched_too(root, watcher):
    (root / "day1_hello/mine.py").write_text("greeting = 'oi'\n")
    watcher.until("day1_hello: 0 of 100 points")


def test_without_a_terminal_there_are_plain_lines(root, watcher):
    save(root, DONE)
    assert "\x1b" not in watcher.until("Next task")


@POSIX
def test_a_terminal_gets_colours_and_a_clean_screen_and_no_color_gets_neither(root, start):
    running = start(terminal=True, TERM="xterm-256color")
    assert "\x1b[2J" not in running.until("Ctrl-C ends")
    save(root, DONE)
    screen = running.until("Next task")
    assert "\x1b[2J" in screen
    assert "\x1b[32m✓\x1b" in screen
    running.end()
    plain = start(terminal=True, TERM="xterm-256color", NO_COLOR="1")
    plain.until("Ctrl-C ends")
    save(root, DONE + "\n")
    assert "\x1b" not in plain.until("Next task")


def test_a_syntax_error_is_a_line_and_the_watcher_goes_on(root, watcher):
    save(root, DONE + "x = (\n")
    screen = watcher.until(r"day1_hello: 0 of 100 points")
    assert "SyntaxError at template.py:9" in screen
    assert "✗" not in screen
    save(root, DONE)
    watcher.until("day1_hello: 60 of 100 points")


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("import sys; sys.exit()", "template.py:9 ended the program"),
        ("import os; os._exit(3)", "ended by itself"),
        ("app = None", "Your app does not start|no `app`"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt at template.py:9"),
    ],
)
def test_a_program_that_never_starts_is_a_line_and_the_watcher_goes_on(root, watcher, wrong, line):
    save(root, DONE + wrong + "\n")
    watcher.until(line)
    watcher.until("day1_hello: 0 of 100 points")
    save(root, DONE)
    watcher.until("day1_hello: 60 of 100 points")


def test_a_hundred_megabytes_of_print_do_no_harm(root, watcher):
    save(root, DONE + "for _ in range(100): print('x' * 1_000_000)\n")
    assert len(watcher.until("day1_hello: 60 of 100 points")) < 10_000


@pytest.mark.slow
def test_an_endless_loop_at_import_is_a_line_and_the_watcher_goes_on(root, watcher):
    save(root, DONE + "while True: pass\n")
    assert "template.py:9 `while True: pass`" in watcher.until("day1_hello: 0 of 100 points")
    save(root, DONE)
    watcher.until("day1_hello: 60 of 100 points")


def test_a_template_that_is_gone_is_a_line_and_the_watcher_goes_on(root, watcher):
    (root / "day1_hello/template.py").unlink()
    watcher.until("workbook reset day1_hello")
    save(root, DONE)
    watcher.until("day1_hello: 60 of 100 points")


def test_a_verdict_that_cannot_be_kept_is_a_line_and_the_watcher_goes_on(root, watcher):
    shutil.rmtree(root / ".workbook")
    (root / ".workbook").write_text("a file where a folder should be")
    save(root, DONE)
    screen = watcher.until("Next task: 1.2")
    assert "The system says no: " in screen
    assert re.search(r"Day 1: hello +━+─+ +60 / 100", screen)


def test_checks_that_do_not_import_are_a_line_and_the_watcher_goes_on(root, watcher):
    checks = root / "day1_hello/test_day1_hello.py"
    before = checks.read_text()
    checks.write_text("1 / 0\n")
    watcher.until("The checks themselves failed: ZeroDivisionError")
    checks.write_text(before)
    watcher.until("day1_hello: 0 of 100 points")


def test_a_save_in_the_middle_of_a_check_starts_it_again(root, watcher):
    waiting = DONE.replace("def hello():", "def hello():\n    open('BEGUN', 'w').close()\n    time.sleep(60)")
    save(root, "import time\n" + waiting.replace("BEGUN", str(root / "begun")))
    while not (root / "begun").exists():
        watcher.process.poll()
    save(root, DONE)
    screen = watcher.until(r"day1_hello: \d+ of 100 points")
    assert screen.endswith("60 of 100 points")


def test_a_save_of_another_unit_in_the_middle_of_a_check_leaves_neither_out(root, watcher):
    waiting = DONE.replace("def hello():", "def hello():\n    open('BEGUN', 'w').close()\n    time.sleep(1)")
    save(root, "import time\n" + waiting.replace("BEGUN", str(root / "begun")))
    while not (root / "begun").exists():
        watcher.process.poll()
    save(root, DONE, "day2_more")
    watcher.until("day2_more: 0 of 100 points")
    watcher.until("day1_hello: 60 of 100 points")


def test_it_outlives_the_process_that_apps_are_forked_from(root, watcher, environment):
    save(root, DONE)
    watcher.until("day1_hello: 60 of 100 points")
    children = f"/proc/{watcher.process.pid}/task/{watcher.process.pid}/children"
    if not os.path.exists(children):
        pytest.skip("no /proc to find it in")
    with open(children) as pids:
        for pid in pids.read().split():
            os.kill(int(pid), signal.SIGKILL)
    # More often than there are apps made ahead.
    for _ in range(4):
        save(root, DONE)
        watcher.until("day1_hello: 60 of 100 points")


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_nothing_left_behind(root, watcher, nothing_left, number):
    save(root, DONE)
    watcher.until("Next task")
    watcher.process.send_signal(number)
    assert watcher.process.wait(60) == 0
    assert "Traceback" not in watcher.rest()
    nothing_left()


@POSIX
def test_ctrl_c_in_the_middle_of_a_check_leaves_nothing_behind(root, start, nothing_left):
    running = start(terminal=True)
    running.until("Ctrl-C ends")
    save(
        root,
        "import time\n" + DONE.replace("return", f"open('{root / 'begun'}', 'w'); time.sleep(60); return"),
    )
    while not (root / "begun").exists():
        running.process.poll()
    os.write(running.output, b"\x03")
    assert "Traceback" not in running.rest()
    assert running.process.returncode == 0
    nothing_left()


@POSIX
def test_a_terminal_that_is_closed_ends_it(start, nothing_left):
    running = start(terminal=True)
    running.until("Ctrl-C ends")
    running.process.send_signal(signal.SIGHUP)
    assert "Traceback" not in running.rest()
    nothing_left()


def test_the_local_llm_answers_from_the_guides_without_their_hints(watcher, root):
    address = re.search(r"OPENAI_BASE_URL=(.*)", (root / ".env").read_text())
    assert address
    answer = ask(address[1], "o que dizem capivaras?")
    assert "Capivaras dizem oi." in answer
    assert "Olhe aqui" not in answer


def ask(base_url, question):
    body = {"messages": [{"role": "user", "content": question}]}
    request = urllib.request.Request(f"{base_url}/chat/completions", json.dumps(body).encode())
    with urllib.request.urlopen(request) as response:
        text: str = json.load(response)["choices"][0]["message"]["content"]
        return text


def test_a_second_workbook_uses_the_local_llm_of_the_first(watcher, start):
    assert "/v1, already running\n" in start().until("Ctrl-C ends")


def test_a_port_taken_by_another_program_is_told_and_verdicts_go_on(root, start):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        (root / ".env").write_text(f"OPENAI_BASE_URL=http://127.0.0.1:{port}/v1\n")
        running = start()
        screen = running.until("Ctrl-C ends")
        assert f"No local LLM: port {port} is taken" in screen
        save(root, DONE)
        running.until("day1_hello: 60 of 100 points")


def test_an_llm_on_another_machine_is_left_alone(root, start):
    (root / ".env").write_text("OPENAI_BASE_URL=https://llm.example/v1\n")
    assert "LLM: https://llm.example/v1, as .env says\n" in start().until("Ctrl-C ends")
