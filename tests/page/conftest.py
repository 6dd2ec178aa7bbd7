"""A headless Chromium for tests of the page, against the scripted server here or the real one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .fake_server import FakeServer


def chromium_options(profile: Path, *, size: tuple[int, int] = (1280, 800)):
    """Options of a Chromium that draws nowhere, calls nobody and keeps its profile in `profile`."""
    from selenium.webdriver import ChromeOptions

    options = ChromeOptions()
    options.binary_location = find_chromium() or ""
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        # A machine without a display has no mouse either: the page would be the one of a touch screen.
        "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
        f"--user-data-dir={profile}",
        f"--window-size={size[0]},{size[1]}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return options


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def find_chromedriver() -> str | None:
    return os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """One Chromium for the whole run: starting it takes longer than most tests."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if not find_chromium():
        pytest.skip("no Chromium found (PATH or CHROMIUM)")
    if not find_chromedriver():
        pytest.skip("no chromedriver found (PATH or CHROMEDRIVER)")
    profile = tmp_path_factory.mktemp("chromium")
    service = webdriver.ChromeService(executable_path=find_chromedriver())
    driver = webdriver.Chrome(options=chromium_options(profile), service=service)
    driver.set_script_timeout(20)
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium) -> Iterator:
    """The Chromium with one empty tab, nothing stored, no emulation and an empty console log."""
    while len(chromium.window_handles) > 1:
        chromium.switch_to.window(chromium.window_handles[-1])
        chromium.close()
    chromium.switch_to.window(chromium.window_handles[0])
    chromium.get("about:blank")
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    chromium.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
    chromium.get_log("browser")
    yield chromium
    # Leave no page that goes on talking to a server which the next test stops.
    chromium.get("about:blank")


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server
    assert server.invalid == [], "the page sent frames that the protocol does not allow"
