"""The pytest plugin: ``pytest conformance --layer=mypkg.Layer``, ``pytest conformance --server="COMMAND"``.

Rules of this module: nothing of the house is imported before one of the two was given, for this module is loaded in
every run of pytest where the suite is installed. It translates; `runner` runs, `report` judges.
"""

from __future__ import annotations

import datetime
import inspect
import json
from argparse import ArgumentError
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from seaway.conformance.session import Session

SUITES = {Path(__file__).with_name(name): name for name in ("layer", "server")}
OWN_TESTS = Path(__file__).resolve().parents[2] / "tests"

pytest.register_assert_rewrite(
    "seaway.conformance.layer", "seaway.conformance.face", "seaway.conformance.server", "seaway.conformance.serving"
)

_session_key: pytest.StashKey[Session] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options."""
    group = parser.getgroup("seaway", "conformance of a Seaway layer or server")

    def add(name: str, **settings: Any) -> None:
        try:
            group.addoption(name, dest="seaway_" + name.strip("-").replace("-", "_"), **settings)
        except (ValueError, ArgumentError):  # another plugin has an option of that name, and was here first
            return

    add("--layer", metavar="TARGET", help="layer to test: package.module:Layer, a factory, a LayerHarness, or a URL")
    add("--layer-option", action="append", default=[], metavar="KEY=VALUE", help="keyword for each layer object")
    add("--server", metavar="COMMAND", help="server to test: a command with {python}, {application}, {host}, {port}")
    add("--server-profile", metavar="FILE.toml", help="what the server offers, and how it is told its settings")
    add("--report", type=Path, metavar="FILE.json", help="write a report")
    add("--known-failures", type=Path, metavar="FILE", help="requirements that are known to fail, each with a reason")
    add("--known-flaky", type=Path, metavar="FILE", help="requirements that fail now and then, each with a reason")
    add("--timescale", type=float, default=1.0, metavar="N", help="this machine is N times as slow as usual")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks."""
    config.addinivalue_line("markers", "req(*ids): the requirements that a test of a suite tests")
    config.addinivalue_line("markers", "needs(*needs): what it needs of the layer and its harness, or of the server")
    config.addinivalue_line("markers", "alone: it runs beside no other test")
    config.addinivalue_line("markers", "both_flavours: it is for applications of either flavour")
    config.addinivalue_line("markers", "waits: it mostly waits, and runs beside others that do")


def _option(config: pytest.Config, name: str) -> Any:
    return config.getoption(f"seaway_{name}", None)


def _asked(config: pytest.Config) -> bool:
    return _option(config, "layer") is not None or _option(config, "server") is not None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Load what ``--layer`` or ``--server`` names; one line and the end of the run if that cannot be tested."""
    config = session.config
    if not _asked(config):
        return
    from seaway.conformance.known import KnownFailuresError
    from seaway.conformance.session import Session
    from seaway.conformance.target import TargetError

    try:
        config.stash[_session_key] = Session(
            _target(config),
            known=_option(config, "known_failures"),
            flaky=_option(config, "known_flaky"),
            strict=bool(config.getoption("strict", False)),  # pytest's own option: a SHOULD that is not met fails
            timescale=_option(config, "timescale") or 1.0,
        )
    except (TargetError, KnownFailuresError) as error:
        raise pytest.UsageError(str(error)) from error
    try:
        _write_report(session, None)  # an older one must not stand for a run that is cut off by force
    except OSError as error:
        where = _option(config, "report")
        raise pytest.UsageError(f"--report={where}: a report cannot be written there: {error.strerror}") from error


def _target(config: pytest.Config) -> Any:
    from seaway.conformance.layer_target import LayerTarget
    from seaway.conformance.serving.target import ServerTarget
    from seaway.conformance.target import TargetError

    layer, server = _option(config, "layer"), _option(config, "server")
    if layer is not None and server is not None:
        raise TargetError("--layer and --server are two suites: run one after the other")
    if layer is not None:
        pairs = _option(config, "layer_option") or []
        return LayerTarget.load(layer, pairs, str(config.invocation_params.dir))
    return ServerTarget.load(server, _option(config, "server_profile"))


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is tested."""
    session = config.stash.get(_session_key, None)
    return session.header() if session is not None else None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``--layer`` or ``--server`` the suite's own tests do not run."""
    return True if _asked(config) and collection_path == OWN_TESTS else None


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> list[SuiteItem] | None:
    """Make items of a suite's tests: one for each subject; of a suite that was not asked for none."""
    suite = SUITES.get(collector.path.parent)
    if suite is None or not name.startswith("test_") or not inspect.iscoroutinefunction(obj):
        return None
    from seaway.conformance.cases import case_of

    case = case_of(obj)
    session = collector.config.stash.get(_session_key, None)
    if session is not None and session.suite.name != suite:
        return []
    if session is None:
        collector.config.stash[_skipped_key] = True
        return []
    return [
        SuiteItem.from_parent(collector, name=f"{name}[{subject.name}]", case=case, subject=subject)
        for subject in session.subjects
        if session.fits(case, subject)
    ]


_skipped_key = pytest.StashKey[bool]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Smoke first; remember what waits, so that it can run side by side."""
    suite = config.stash.get(_session_key, None)
    if suite is None:
        return
    items.sort(key=lambda item: not (isinstance(item, SuiteItem) and item.case.is_smoke))
    suite.selected = [(item.case, item.subject) for item in items if isinstance(item, SuiteItem)]
    if not suite.selected and not suite.partial:
        raise pytest.UsageError(
            f"--{suite.suite.name} was given, but no test of the suite was collected: run `pytest conformance`, or "
            "`pytest --pyargs seaway.conformance`, and see that python_files has test_*.py"
        )


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember that the run is not whole."""
    for item in items[:1]:
        if (session := item.config.stash.get(_session_key, None)) is not None:
            session.partial = True


class SuiteItem(pytest.Item):
    """One case on one subject."""

    def __init__(self, *, case: Any, subject: Any, **rest: Any) -> None:
        super().__init__(**rest)
        self.case = case
        self.subject = subject
        for mark in getattr(case.function, "pytestmark", ()):
            self.add_marker(mark.name if not mark.args else getattr(pytest.mark, mark.name)(*mark.args))

    def runtest(self) -> None:
        """Run, and put the result where the report is made."""
        session = self.config.stash[_session_key]
        result = session.result(self.case, self.subject)
        self.user_properties.append(("seaway", session.as_property(result)))
        if result.verdict in ("not offered", "blocked"):
            pytest.skip(f"{result.verdict}: {result.message}")
        if result.verdict == "pass":
            return
        if excuse := session.excuse(result):
            pytest.xfail(f"{excuse}: {result.message}")
        raise NotConformingError(session.explain(result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what a failure says: the requirement, what happened, and how to run it again."""
        if isinstance(excinfo.value, NotConformingError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the test stands."""
        return self.path, self.case.function.__code__.co_firstlineno, self.name


class NotConformingError(Exception):
    """A case has not passed; the text is for whoever writes the layer."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Gather results, on the controller when there are several processes."""
    found = [value for name, value in report.user_properties if name == "seaway"]
    if report.when == "call":
        _gathered.extend(found)
    if report.failed and not found:
        _without_result.append(report.nodeid)


_gathered: list[Any] = []
_without_result: list[str] = []
"""Tests whose process has died, with several processes (pytest-xdist)."""


@pytest.hookimpl(hookwrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Write the report; a known failure that is met fails the run."""
    yield
    suite = session.config.stash.get(_session_key, None)
    if suite is None or hasattr(session.config, "workerinput"):
        return
    suite.gathered = [suite.from_property(value) for value in _gathered]
    for nodeid in _without_result:
        suite.died(nodeid)
    suite.partial = suite.partial or bool(session.testsfailed and session.shouldfail) or _narrowed(session)
    was_cut_off = session.shouldstop or session.exitstatus in (
        pytest.ExitCode.INTERRUPTED,
        pytest.ExitCode.INTERNAL_ERROR,
    )
    try:
        _write_report(
            session, None if was_cut_off else datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        )
    except OSError as error:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        where = _option(session.config, "report")
        session.config.get_terminal_writer().line(f"\n--report={where}: the report was not written: {error.strerror}")
    if suite.unexpected_passes() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _write_report(session: pytest.Session, finished: str | None) -> None:
    path = _option(session.config, "report")
    if path is not None and not hasattr(session.config, "workerinput"):
        report = session.config.stash[_session_key].report(finished)
        path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _narrowed(session: pytest.Session) -> bool:
    return any("::" in argument or argument.endswith(".py") for argument in session.config.args)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the verdicts by requirement."""
    suite = config.stash.get(_session_key, None)
    if suite is not None and not hasattr(config, "workerinput"):
        terminalreporter.section("conformance")
        for line in suite.summary():
            terminalreporter.write_line(line)
    elif config.stash.get(_skipped_key, False) and _asks_for_suite(config):
        terminalreporter.write_line("conformance: without --layer=… or --server=… only the suite's own tests run")


def _asks_for_suite(config: pytest.Config) -> bool:
    return any("conformance" in argument for argument in config.args)
