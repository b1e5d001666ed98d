"""The course: its manifest, guides and hints, templates made from solutions, and a student's progress."""

from workbook.course.guide import BadGuide, Guide, Heading, Section, Snippet
from workbook.course.manifest import (
    HINTS,
    BadManifest,
    Course,
    CourseError,
    CourseNotFound,
    Localized,
    Task,
    Unit,
    UnknownTask,
    UnknownUnit,
    load,
)
from workbook.course.memory import Memory
from workbook.course.template import BadMarkers, Block, Stale, blocks, build, make_template, reset

__all__ = [
    "HINTS",
    "BadGuide",
    "BadManifest",
    "BadMarkers",
    "Block",
    "Course",
    "CourseError",
    "CourseNotFound",
    "Guide",
    "Heading",
    "Localized",
    "Memory",
    "Section",
    "Snippet",
    "Stale",
    "Task",
    "Unit",
    "UnknownTask",
    "UnknownUnit",
    "blocks",
    "build",
    "load",
    "make_template",
    "reset",
]
