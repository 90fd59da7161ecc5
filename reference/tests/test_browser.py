"""The demo in a real browser: Chromium without a window, driven through its WebDriver.

It needs Debian's packages ``chromium`` and ``chromium-driver``, and ``selenium``. Without them the tests are skipped,
in CI (the environment has ``CI``) they fail: there nobody would see a skip.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

INSTALL = "apt-get install -y chromium chromium-driver"
DEADLINE = 30.0
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1280,800"
)


class Demo:
    """``seaway demo`` in a process of its own."""

    def __init__(self) -> None:
        self.port = 0
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Start it, on the port that it had before, and wait until it listens."""
        command = [sys.executable, "-m", "seaway.reference", "demo", "--no-browser", "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        match = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        assert match, f"the demo did not start: {line!r}"
        self.port = int(match.group(1))

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(DEADLINE)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def url(self, room: str) -> str:
        return f"http://127.0.0.1:{self.port}/room/{room}/"


class Page:
    """One window that shows a room."""

    def __init__(self, driver: Any, url: str, name: str) -> None:
        self.driver = driver
        driver.switch_to.new_window("window")
        self.handle = driver.current_window_handle
        driver.get(url)
        self.until_open()
        self.fill("#name", name)

    def front(self) -> Any:
        self.driver.switch_to.window(self.handle)
        return self.driver

    def script(self, text: str, *arguments: Any) -> Any:
        return self.front().execute_script(text, *arguments)

    def until(self, condition: Callable[[], Any], what: str) -> None:
        from selenium.webdriver.support.wait import WebDriverWait

        self.front()
        WebDriverWait(self.driver, DEADLINE, 0.05).until(lambda _: condition(), f"waited in vain for {what}")

    def fill(self, selector: str, text: str, enter: str = "\n") -> None:
        field = self.front().find_element("css selector", selector)
        field.send_keys("\ue009a\ue000" + text + enter)  # control and A selects what is there

    def click(self, selector: str) -> None:
        self.script("document.querySelector(arguments[0]).click()", selector)

    def say(self, text: str) -> None:
        self.fill("#text", text)

    @property
    def status(self) -> tuple[str, str]:
        return tuple(self.script("const s = document.getElementById('status'); return [s.dataset.state, s.innerText]"))

    @property
    def messages(self) -> list[tuple[str, str]]:
        """Name and text of each confirmed message."""
        found = self.script(
            "return [...document.querySelectorAll('.message:not(.pending)')]"
            ".map(m => [m.dataset.name, m.querySelector('.bubble').textContent])"
        )
        return [tuple(one) for one in found]

    @property
    def notes(self) -> list[str]:
        return list(self.script("return [...document.querySelectorAll('.note')].map(n => n.textContent)"))

    def until_open(self, name: str = "WebSocket") -> None:
        self.until(lambda: self.status == ("open", name), f"an open connection, {name}")

    def until_shown(self, *messages: tuple[str, str]) -> None:
        self.until(lambda: self.messages == list(messages), f"{messages}; there are {self.messages}")

    def cut_off(self) -> None:
        """End the connection, and do not let the page come back."""
        self.script("window.mayConnect = connect; window.connect = () => {}; current.end()")
        self.until(lambda: self.status[0] == "waiting", "the loss of the connection")

    def come_back(self) -> None:
        self.script("window.connect = mayConnect; reconnectNow()")
        self.until_open()

    def choose(self, transport: str, name: str) -> None:
        self.click(f"input[name=transport][value={transport}]")
        self.until_open(name)


def missing(what: str, command: str) -> None:
    text = f"{what} is not installed, which the browser tests need. Install it: {command}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        missing("Chromium" if chromium is None else "Chromium's driver", INSTALL)
    try:
        from selenium import webdriver
    except ImportError:
        missing("selenium", "pip install selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium or ""
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    demo = Demo()
    try:
        yield demo
    finally:
        demo.stop()


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room for this test alone."""
    return re.sub("[^a-z0-9]+", "-", request.node.name.lower())[-40:].strip("-")


@pytest.fixture
def open_page(driver: Any, demo: Demo, room: str) -> Iterator[Callable[[str], Page]]:
    pages: list[Page] = []

    def open_page(name: str) -> Page:
        page = Page(driver, demo.url(room), name)
        pages.append(page)
        return page

    first = driver.current_window_handle
    try:
        yield open_page
        complaints = [entry for entry in driver.get_log("browser") if "violates" in entry["message"]]
        assert complaints == [], "the content security policy must not stop anything of the page's own"
    finally:
        for page in pages:
            page.front().close()
        driver.switch_to.window(first)


def test_without_a_browser_ci_fails_and_others_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install -y chromium chromium-driver"):
        missing("Chromium", INSTALL)
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="apt-get install -y chromium chromium-driver"):
        missing("Chromium", INSTALL)


def test_two_pages_see_each_others_messages(open_page: Callable[[str], Page]) -> None:
    ada, bob = open_page("Ada"), open_page("Bob")

    ada.say("Hello Bob")
    bob.until_shown(("Ada", "Hello Bob"))
    bob.say("Hello Ada")

    for page in (ada, bob):
        page.until_shown(("Ada", "Hello Bob"), ("Bob", "Hello Ada"))
    assert ada.script("return [...document.querySelectorAll('.mine .bubble')].map(b => b.textContent)") == ["Hello Bob"]


def test_pages_survive_a_restart_of_the_server(open_page: Callable[[str], Page], demo: Demo, room: str) -> None:
    ada, bob = open_page("Ada"), open_page("Bob")
    ada.say("before")
    bob.until_shown(("Ada", "before"))

    demo.stop()
    for page in (ada, bob):
        page.until(lambda page=page: page.status[0] in ("waiting", "connecting"), "the loss of the connection")
        assert not page.front().find_element("css selector", "#send").is_enabled()
    demo.start()
    for page in (ada, bob):
        page.until_open()
    ada.say("after")
    bob.say("indeed")

    for page in (ada, bob):
        page.until(lambda page=page: len(page.messages) == 3, "both messages")
        assert page.messages[0] == ("Ada", "before")
        assert set(page.messages[1:]) == {("Ada", "after"), ("Bob", "indeed")}
        assert [note for note in page.notes if "may be missing" in note], "what was missed is unknown, and it is said"
        assert page.script("return location.pathname") == f"/room/{room}/"
    assert ada.script("return document.getElementById('name').value") == "Ada"


def test_a_page_that_was_cut_off_is_told_what_it_missed(open_page: Callable[[str], Page]) -> None:
    ada, bob = open_page("Ada"), open_page("Bob")
    ada.say("one")
    bob.until_shown(("Ada", "one"))

    bob.cut_off()
    ada.say("two")
    ada.until_shown(("Ada", "one"), ("Ada", "two"))
    assert bob.messages == [("Ada", "one")]
    bob.come_back()

    bob.until_shown(("Ada", "one"), ("Ada", "two"))
    assert bob.notes == ["Connected again, nothing was missed."]
    bob.front().refresh()
    bob.until_shown(("Ada", "one"), ("Ada", "two"))
    assert bob.script("return document.getElementById('name').value") == "Bob", "each tab keeps its name"


def test_a_message_whose_fate_is_unknown_is_not_sent_twice_by_itself(open_page: Callable[[str], Page]) -> None:
    ada, bob = open_page("Ada"), open_page("Bob")

    bob.script("current.send = () => new Promise(() => {})")
    bob.say("into the void")
    bob.cut_off()
    assert "It may not have arrived." in bob.script("return document.querySelector('.lost').innerText")
    bob.come_back()
    assert ada.messages == []
    bob.click(".lost button")

    for page in (ada, bob):
        page.until_shown(("Bob", "into the void"))
    assert bob.script("return document.querySelectorAll('.pending').length") == 0


def test_a_gap_is_shown_where_it_is(open_page: Callable[[str], Page]) -> None:
    page = open_page("Ada")
    page.script("for (const dropped of [1, 3, null]) handlers.gap({ kind: 'gap', dropped })")
    assert page.notes == [
        "1 message was dropped here.",
        "3 messages were dropped here.",
        "Messages may be missing here.",
    ]


def test_long_polling_and_websockets_meet_in_one_room(open_page: Callable[[str], Page]) -> None:
    ada, bob = open_page("Ada"), open_page("Bob")
    bob.choose("poll", "Long polling")
    try:
        ada.say("from a WebSocket")
        bob.until_shown(("Ada", "from a WebSocket"))
        bob.say("from a long poll")
        for page in (ada, bob):
            page.until_shown(("Ada", "from a WebSocket"), ("Bob", "from a long poll"))
    finally:
        bob.choose("auto", "WebSocket")


def test_votes_are_shown_to_everybody_and_one_person_has_one(open_page: Callable[[str], Page]) -> None:
    ada, bob = open_page("Ada"), open_page("Bob")
    counts = "return [...document.querySelectorAll('#choices button')].map(b => b.lastElementChild.textContent)"

    ada.click("#choices button[value=sync]")
    bob.until(lambda: bob.script(counts) == ["1", "0", "0"], "the vote")
    ada.click("#choices button[value=both]")

    for page in (ada, bob):
        page.until(lambda page=page: page.script(counts) == ["0", "0", "1"], "the changed vote")
    assert ada.script("return document.querySelector('#choices [aria-pressed=true]').value") == "both"


def test_what_people_write_is_text(open_page: Callable[[str], Page]) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\"><b>bold</b> & <script>1</script>"
    ada, bob = open_page("<i>Ada</i>"), open_page("Bob")

    ada.say(evil)
    bob.until_shown(("<i>Ada</i>", evil))

    assert bob.script("return document.querySelectorAll('#log img, #log script, #log i, .bubble b').length") == 0
    assert "owned" not in bob.front().title


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("device", "width", "height"), [("desktop", 1280, 800), ("phone", 390, 844)])
def test_it_fits_the_screen_and_follows_the_colour_scheme(
    open_page: Callable[[str], Page], tmp_path: Path, scheme: str, device: str, width: int, height: int
) -> None:
    page = open_page("Ada")
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": device == "phone"}
    feature = {"name": "prefers-color-scheme", "value": scheme}
    page.front().execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.driver.refresh()
    page.until_open()
    bob = open_page("Bob")
    bob.say("Is this thing on?")
    bob.say("A longer message, to see how it breaks: " + "all work and no play makes a dull page. " * 4)
    bob.click("#choices button[value=async]")
    page.say("It is.")
    page.say("https://example.org/" + "a-very-long-address/" * 12)
    page.click("#choices button[value=both]")
    page.until(lambda: len(page.messages) == 4, "all messages")

    assert page.driver.save_screenshot(str(tmp_path / f"{device}-{scheme}.png"))
    assert page.script("return document.documentElement.scrollWidth") <= width, "nothing sticks out to the side"
    assert page.script("return document.documentElement.scrollHeight") <= height, "the page itself does not scroll"
    for selector in ("header", "main", "aside", ".chat", "#log"):
        wide = "const box = document.querySelector(arguments[0]); return box.scrollWidth - box.clientWidth"
        assert page.script(wide, selector) <= 0, f"{selector} is wider than its place"
    for selector in ("#status", "#log", "#text", "#send", "#poll"):
        box = page.front().find_element("css selector", selector).rect
        assert box["height"] > 0, selector
        assert box["x"] >= 0, selector
        assert box["x"] + box["width"] <= width, selector
        assert box["y"] + box["height"] <= height, selector
    red, green, blue = map(
        int, re.findall(r"\d+", page.script("return getComputedStyle(document.body).backgroundColor"))
    )
    assert (red + green + blue > 384) is (scheme == "light")
