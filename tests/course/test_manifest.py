from collections.abc import Callable
from pathlib import Path

import pytest

from workbook.course import BadManifest, Course, CourseNotFound, UnknownTask, UnknownUnit, load


def test_a_day_lies_in_a_folder_of_its_own_name(course: Course) -> None:
    unit = course.unit("day1_basics")
    assert unit.folder == course.root / "day1_basics"
    assert unit.guide == unit.folder / "GUIA_APRENDIZADO.md"
    assert unit.template == unit.folder / "template.py"
    assert unit.checks == unit.folder / "test_day1_basics.py"
    assert unit.solution == course.root / "solutions" / "day1_basics.py"


def test_a_lesson_lies_where_the_manifest_says(course: Course) -> None:
    assert course.unit("retries").folder == course.root / "lessons" / "retries"
    assert course.unit("retries").solution == course.root / "solutions" / "retries.py"


def test_bonus_points_are_not_counted(course: Course) -> None:
    assert course.unit("day1_basics").max_points == 100


def test_titles_are_read_in_the_language_of_the_moment(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit, task = course.task("1.1")
    assert (unit.title, task.title) == ("Day 1: the basics", "Say hello")
    monkeypatch.setenv("WORKBOOK_LANG", "pt")
    assert (unit.title, task.title) == ("Dia 1: o básico", "Diga oi")


@pytest.mark.parametrize("name", ["day1_basics", "day1", "1", "day1_basics/", "day1_basics\\"])
def test_a_unit_has_short_names(course: Course, name: str) -> None:
    assert course.unit(name).id == "day1_basics"


def test_a_unit_is_found_by_the_path_of_its_folder(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = course.unit("retries").folder
    folder.mkdir(parents=True)
    assert course.unit(str(folder)).id == "retries"
    monkeypatch.chdir(folder)
    assert course.unit(".").id == "retries"
    monkeypatch.chdir(course.root)
    assert course.unit("lessons/retries/").id == "retries"


def test_an_unknown_unit_is_told_with_the_nearest_name_and_all_of_them(course: Course) -> None:
    with pytest.raises(UnknownUnit) as caught:
        course.unit("day1_basic")
    assert str(caught.value) == (
        "There is no unit day1_basic. Did you mean day1_basics? The units are day1_basics, retries."
    )


def test_an_unknown_unit_like_no_other_is_told_without_a_guess(course: Course) -> None:
    with pytest.raises(UnknownUnit, match=r"^There is no unit xyz\. The units are day1_basics, retries\.$"):
        course.unit("xyz")


def test_a_task_is_found_with_its_unit(course: Course) -> None:
    unit, task = course.task("1.3")
    assert (unit.id, task.id, task.points, task.bonus) == ("day1_basics", "1.3", 5, True)


def test_an_unknown_task_is_told_with_those_there_are(course: Course) -> None:
    with pytest.raises(UnknownTask) as caught:
        course.task("1.30")
    assert str(caught.value) == ("There is no task 1.30. Did you mean 1.3? The tasks are 1.1–1.3, 20.1–20.1.")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("points = 60", "", "unit[1].task[1].points: is missing"),
        ("points = 60", 'points = "60"', "unit[1].task[1].points: must be int, not 60"),
        ("points = 60", "points = true", "unit[1].task[1].points: must be int, not True"),
        ("points = 60", "points = 0", "unit[1].task[1].points: must be more than 0"),
        (
            "points = 60",
            "points = 61",
            "unit[1].task.points: the points of day1_basics add up to 101, not 100",
        ),
        ('"Diga oi", en = "Say hello"', '"Diga oi"', "unit[1].task[1].title.en: is missing"),
        ('en = "Say hello"', 'en = "Say hello", fr = "Salut"', "unit[1].task[1].title.fr: is not a key"),
        ("bonus = true", "bonsu = true", "unit[1].task[3].bonsu: is not a key"),
        ("minutes = 160", "minutes = 160\nlevel = 1", "unit[1].level: is not a key"),
        ("[[unit]]", "course = 1\n[[unit]]", "course: is not a key"),
        ("[[unit.task]]\nid", "[unit.task]\nid", "toml: "),
        ('id = "1.2"', 'id = "1.1"', "id: 1.1 is there 2 times"),
        ('id = "20.1"', 'id = "1.1"', "id: 1.1 is there 2 times"),
        ('id = "retries"', 'id = "day1_basics"', "id: day1_basics is there 2 times"),
    ],
)
def test_a_broken_manifest_is_told_with_its_file_and_key(
    make_course: Callable[..., Course], tmp_path: Path, old: str, new: str, told: str
) -> None:
    with pytest.raises(BadManifest) as caught:
        make_course(old, new)
    assert str(caught.value).startswith(f"{tmp_path.resolve() / 'course.toml'}: {told}")


@pytest.mark.parametrize("text", ["", "unit = []", "unit = [1]"])
def test_a_manifest_without_units_is_broken(tmp_path: Path, text: str) -> None:
    (tmp_path / "course.toml").write_text(text)
    with pytest.raises(BadManifest, match="unit: "):
        load(tmp_path)


def test_the_course_is_found_from_any_folder_inside_it(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = course.root / "lessons" / "retries"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert load().root == course.root


def test_elsewhere_the_course_is_the_one_the_package_was_installed_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load().root == Path(__file__).resolve().parents[2]


def test_a_root_without_a_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(CourseNotFound, match=r"There is no .*course\.toml"):
        load(tmp_path)


def test_without_a_course_anywhere_the_message_says_where_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("workbook.course.manifest.__file__", str(tmp_path / "manifest.py"))
    with pytest.raises(CourseNotFound, match="go to the folder of the course"):
        load()
