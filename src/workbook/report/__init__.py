"""The verdict as data, and its forms for people."""

from workbook.report.verdict import Check, Status, TaskVerdict, Verdict, judge_task, judge_unit

__all__ = ["Check", "Status", "TaskVerdict", "Verdict", "judge_task", "judge_unit"]
