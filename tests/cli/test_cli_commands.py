import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DONE = """from fastapi import FastAPI

app = FastAPI()


@app.get("/hello")
def hello():
    return "oi"
"""


def test_the_exit_code_of_check_is_0_only_if_all_passed(workbook):
    assert workbook("check", "1", "--target", "solution").returncode == 0
    assert workbook("check", "--target", "solution").returncode == 0
    assert workbook("check", "day1").returncode == 1
    assert workbook("check", "day9").returncode == 2


def test_check_shows_what_is_missing_and_where_to_read(workbook, root):
    (root / "day1_hello/template.py").write_text(DONE)
    lines = workbook("check", "day1_hello").stdout.splitlines()
    assert lines[0] == "Day 1: hello"
    assert re.fullmatch(r"✓ 1\.1  Say hello +60 / 60", lines[1])
    assert re.fullmatch(r"✗ 1\.2  Say goodbye +0 / 40", lines[2])
    assert "  Read GUIA_APRENDIZADO.md, 1.2   ·   hint: workbook hint 1.2" in lines
    assert lines[-2:] == ["day1_hello: 60 of 100 points", ""]


def test_several_units_can_be_checked_at_once(workbook):
    stdout = workbook("check", "2", "1", "--target", "solution").stdout
    assert re.findall(r"\w+: \d+ of \d+", stdout) == ["day2_more: 100 of 100", "day1_hello: 100 of 100"]


def test_any_file_can_be_the_target(workbook, tmp_path):
    (tmp_path / "mine.py").write_text(DONE)
    assert "60 of 100" in workbook("check", "1", "--target", str(tmp_path / "mine.py")).stdout


def test_one_file_is_not_the_target_of_two_units(workbook, root):
    done = workbook("check", "--target", "day1_hello/template.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "workbook check UNIT --target day1_hello/template.py" in done.stderr


def test_a_target_that_is_no_file_is_a_usage_error(workbook):
    done = workbook("check", "1", "--target", "nowhere.py")
    assert (done.returncode, done.stderr) == (2, "✗ --target: nowhere.py is not a file.\n")


def test_the_json_of_one_unit_is_its_verdict(workbook, tmp_path):
    done = workbook("check", "1", "--target", "solution", "--json", str(tmp_path / "verdict.json"))
    verdict = json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))
    assert (verdict["unit"], verdict["status"], verdict["points"]) == ("day1_hello", "passed", 100)
    assert [task["id"] for task in verdict["tasks"]] == ["1.1", "1.2"]
    assert "100 of 100" in done.stdout


def test_json_on_the_standard_output_stands_there_alone(workbook):
    done = workbook("check", "1", "--json", "-")
    assert json.loads(done.stdout)["status"] == "failed"
    assert (done.returncode, done.stderr) == (1, "")


def test_the_json_of_several_units_is_a_list(workbook):
    verdicts = json.loads(workbook("check", "--target", "solution", "--json", "-").stdout)
    assert [verdict["unit"] for verdict in verdicts] == ["day1_hello", "day2_more"]


def test_what_was_passed_is_remembered_of_the_template_alone(workbook, root):
    workbook("check", "1", "--target", "solution")
    assert not (root / ".workbook/progress.json").exists()
    workbook("check", "1")
    assert json.loads((root / ".workbook/progress.json").read_text())["day1_hello"]["points"] == 0


def test_a_missing_template_names_the_command_that_makes_it(workbook, root):
    (root / "day1_hello/template.py").unlink()
    for command in (["check", "1"], ["solution", "1", "--yes"]):
        done = workbook(*command)
        assert done.returncode == 2
        assert done.stderr.endswith("template.py. This makes it anew: workbook reset day1_hello\n")


def test_hints_come_one_at_a_time_and_then_all(workbook):
    hints = [workbook("hint", "1.1").stdout for _ in range(4)]
    assert [re.findall(r"Hint (\d) of 3", hint) for hint in hints] == [["1"], ["2"], ["3"], ["1", "2", "3"]]
    assert "  Olhe aqui.\n" in hints[0]
    assert "One more: workbook hint 1.1" in hints[1]
    assert "workbook solution day1_hello" in hints[2]
    assert "  Use `isto`.\n" in hints[3]


def test_an_unknown_task_is_told_in_one_line(workbook):
    done = workbook("hint", "1.9")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("✗ There is no task 1.9. Did you mean 1.2?")


@pytest.mark.parametrize("answer", ["", "\n", "n\n"])
def test_solution_asks_first(workbook, answer):
    done = workbook("solution", "1", input=answer)
    assert done.returncode == 1
    assert "workbook hint" in done.stdout
    assert "return" not in done.stdout


@pytest.mark.parametrize("answer", ["y\n", "YES\n", " y"])
def test_solution_shows_the_difference_to_who_wants_it(workbook, answer):
    done = workbook("solution", "1", input=answer)
    assert done.returncode == 0
    assert '-    raise NotImplementedError("TODO 1.1")\n+    return "oi"\n' in done.stdout


def test_the_reference_is_shown_without_markers_and_with_the_students_own_imports(workbook, root):
    solution = root / "solutions/day2_more.py"
    route = "async def hello() -> str:\n"
    reuse = "    from solutions.day1_hello import hello as first\n"
    solution.write_text(solution.read_text().replace(route, route + reuse))
    workbook("reset", "2")
    diff = workbook("solution", "2", "--yes").stdout
    assert "     from day1_hello.template import hello as first\n" in diff
    assert "###" not in diff


def test_solution_does_not_ask_who_has_passed(workbook, root):
    done = (root / "solutions/day1_hello.py").read_text()
    (root / "day1_hello/template.py").write_text(re.sub(r" *### .*\n", "", done))
    assert workbook("check", "1").returncode == 0
    done = workbook("solution", "1")
    assert (done.returncode, done.stdout) == (0, "Your file and the reference are the same.\n")


def test_reset_keeps_a_copy_and_says_where(workbook, root):
    template = root / "day1_hello/template.py"
    fresh = template.read_text()
    template.write_text("mine = 1\n")
    done = workbook("reset", "day1_hello")
    copy = re.search(r"Yours is kept in (\S+)", done.stdout)
    assert copy
    assert (root / copy[1]).read_text() == "mine = 1\n"
    assert template.read_text() == fresh
    assert "kept" not in workbook("reset", "day1_hello").stdout


def test_build_makes_what_is_stale_and_its_check_names_it(workbook, root):
    workbook("build")
    assert workbook("build", "--check").returncode == 0
    template = root / "day2_more/template.py"
    template.write_text("mine = 1\n")
    done = workbook("build", "--check")
    assert done.returncode == 1
    assert "day2_more/template.py" in done.stdout
    assert "day1_hello" not in done.stdout
    assert template.read_text() == "mine = 1\n"
    assert "kept in .workbook/copies/day2_more/" in workbook("build").stdout
    assert workbook("build", "--check").returncode == 0


def test_doctor_names_a_cure_for_what_is_not_well(workbook, root):
    done = workbook("doctor")
    assert done.returncode == 1
    assert re.search(r"^✓ Python +\d", done.stdout, re.MULTILINE)
    assert re.search(r"^✓ Warm start +\d+ ms", done.stdout, re.MULTILINE)
    assert re.search(r"^✗ \.env .*\n +→ This makes it: workbook$", done.stdout, re.MULTILINE)
    assert re.search(r"^✗ Course .*\n +→ day1_hello, day2_more cannot be imported", done.stdout, re.MULTILINE)


def test_a_manifest_that_is_broken_is_told_in_one_line(workbook, root):
    (root / "course.toml").write_text("[[unit]]\n")
    for command in ([], ["check"], ["hint", "1.1"], ["demo", "1"], ["llm"], ["build"], ["doctor"]):
        done = workbook(*command)
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(r"✗ .*course\.toml: unit\[1\]\.id: is missing\n", done.stderr)


def test_a_folder_that_cannot_be_written_is_told_in_one_line(workbook, root):
    shutil.rmtree(root / ".workbook")
    (root / ".workbook").write_text("a file where a folder should be")
    done = workbook("hint", "1.1")
    assert done.returncode == 2
    assert re.fullmatch(r"✗ .*\n", done.stderr)


def test_unknown_commands_and_missing_words_are_usage_errors(workbook):
    assert workbook("chek").returncode == 2
    assert workbook("hint").returncode == 2
    assert workbook("llm", "--port", "many").returncode == 2


def test_version_and_help(workbook):
    assert re.fullmatch(r"workbook \d+\.\d+\.\d+\n", workbook("--version").stdout)
    assert "Show a task's next hint." in workbook("--help").stdout


def test_help_and_hints_do_without_what_is_slow_to_import(root, environment):
    slow = {"fastapi", "langchain_core", "openai", "uvicorn", "watchfiles", "pytest", "starlette"}
    for arguments in (["--help"], ["hint", "1.1"]):
        code = f"import sys\nfrom workbook.cli import main\nsys.argv[1:] = {arguments}\n"
        code += f"try:\n    main()\nfinally:\n    print('slow:', {slow} & set(sys.modules))"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.endswith("slow: set()\n")


def test_a_reader_who_leaves_ends_the_command_quietly(root, environment):
    done = subprocess.run(
        f"'{Path(sys.executable).parent / 'workbook'}' doctor | head -n 1",
        shell=True,
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("✓ Python")
    assert done.stderr == ""
