"""``seaway conformance``: runs the suite, or makes a page of its reports.

Rules of this module: it needs no checkout, and no configuration of whoever calls it stands in its way.
"""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import click

from seaway.conformance.matrix import badge, page

MISSING = "pytest is not installed; it comes with the extra: pip install 'seaway[conformance]'"


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    options_metavar="--layer=TARGET | --server=COMMAND [OPTIONS]",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def conformance(arguments: tuple[str, ...]) -> None:
    """Test a channel layer or a server against the specification.

    TARGET is package.module:Layer, a factory, a LayerHarness, or a URL such as memory://test. COMMAND starts a server;
    it has {python}, {application}, {host} and {port}, and may have {layer} and {settings}. Further options are
    those of pytest and of the suite: --layer-option=KEY=VALUE, --server-profile=FILE.toml,
    --report=FILE.json, --known-failures=FILE, --known-flaky=FILE,
    --strict, --timescale=N, -k EXPRESSION, -n NUMBER.

    `seaway conformance report *.json` makes one HTML page of the reports.
    """
    if arguments[:1] == ("report",):
        report.main(args=list(arguments[1:]), prog_name="seaway conformance report")
    suite = next((name for name in ("layer", "server") for one in arguments if one.startswith(f"--{name}=")), None)
    if suite is None:
        raise click.UsageError("what is to be tested? Give --layer=package.module:Layer, or a URL, or --server=COMMAND")
    raise SystemExit(run(suite, list(arguments)))


def run(suite: str, arguments: list[str]) -> int:
    """Run a suite, ``"layer"`` or ``"server"``, with *arguments* for pytest and return its exit code."""
    try:
        import pytest
    except ImportError as error:
        raise click.ClickException(MISSING) from error
    with as_file(files("seaway.conformance") / "conformance.ini") as ini:
        settings = ["-c", str(ini), f"--rootdir={Path.cwd()}", "-p", "no:cacheprovider"]
        return int(pytest.main([*settings, "--pyargs", f"seaway.conformance.{suite}", *arguments]))


@click.command()
@click.argument("reports", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output", "-o", default="conformance.html", type=click.Path(dir_okay=False, path_type=Path), help="HTML."
)
@click.option("--badges", type=click.Path(file_okay=False, path_type=Path), help="Folder for an SVG for each profile.")
def report(reports: tuple[Path, ...], output: Path, badges: Path | None) -> None:
    """Make one self-contained HTML page of REPORTS, and badges."""
    found = [(path, _read(path)) for path in reports]
    try:
        output.write_text(page([data for _, data in found]), encoding="utf-8")
        if badges is not None:
            _write_badges(badges, found)
    except OSError as error:
        raise click.ClickException(f"{error.filename} cannot be written: {error.strerror}") from error
    click.echo(f"{output}: {len(found)} reports")


def _write_badges(folder: Path, found: list[tuple[Path, dict[str, Any]]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in found:
        for profile, verdict in data.get("profiles", {}).items():
            name = f"{path.stem}-{profile.replace(' ', '-')}.svg"
            (folder / name).write_text(badge(profile, verdict), encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != "seaway-conformance-report/1":
            raise ValueError(f"schema {data['schema']!r}")
        page([data])  # or it lacks something, and which of several does would not be known later
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise click.ClickException(
            f"{path} is no report of this suite ({error}); write one with --report={path}"
        ) from error
    return data
