"""Words on the command line."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from workbook.cli import build, check, demo, doctor, hint, llm, reset, solution, watch
from workbook.cli.errors import complain
from workbook.cli.wait import end_as_on_ctrl_c
from workbook.course import CourseError
from workbook.text import _

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("check", help=_("Grade units and say what is missing."))(check.run)
app.command("hint", help=_("Show a task's next hint."))(hint.run)
app.command("solution", help=_("Compare your file with the reference."))(solution.run)
app.command("reset", help=_("Begin a unit anew; your file is kept."))(reset.run)
app.command("demo", help=_("Run a unit's reference, with the local LLM."))(demo.run)
app.command("llm", help=_("Run the local LLM alone."))(llm.run)
app.command("doctor", help=_("Look for what may be wrong with the installation."))(doctor.run)
app.command("build", help=_("Make templates and catalogue anew (for authors)."))(build.run)


def show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"workbook {version('workbook')}")
        raise typer.Exit


@app.callback(
    invoke_without_command=True,
    help=_("Without a command: run the local LLM, watch the templates, and give a verdict at each save."),
)
def workbook(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help=_("Show the version."))
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        watch.run()


def main() -> None:
    """Run `workbook`: exit code 0, 1 for "not passed" or "no", 2 for what the caller has to mend."""
    speak()
    end_as_on_ctrl_c()
    try:
        app()
    except (CourseError, OSError) as error:
        sys.exit(complain(error))


def speak() -> None:
    """Let no character of ours stop a command: pipes get UTF-8, old terminals a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")
