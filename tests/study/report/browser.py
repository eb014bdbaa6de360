"""A real browser for the page: Chromium without a window; never skipped silently."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from ..servers import ALL

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"


def _there(path: str) -> bool:
    return shutil.which(path) is not None


@pytest.fixture(scope="module")
def chromium():
    """A browser that writes down what it asks for and what its console says."""
    missing = [path for path in (CHROMIUM, DRIVER) if not _there(path)]
    if missing:
        said = f"no {' and no '.join(missing)}: apt-get install chromium chromium-driver"
        if os.environ.get(ALL) == "1":
            pytest.fail(f"{said} ({ALL}=1 says that there is every service)")
        pytest.skip(said)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(60)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    """What the tests ask of a browser."""

    def __init__(self, driver) -> None:
        self.driver = driver

    def open(self, page: Path, *, width: int = 1280, dark: bool = False) -> None:
        """Open a page of a file and wait until every plot was tried."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        scheme = "dark" if dark else "light"
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        self.driver.get("about:blank")
        self.console(), self.requests()  # what was before is not of this page
        self.driver.get(page.absolute().as_uri())
        self.until("document.documentElement.dataset.drawn !== undefined")

    def js(self, script: str, *arguments):
        """The value of an expression of JavaScript."""
        return self.driver.execute_script(f"return {script}", *arguments)

    def until(self, condition: str, seconds: float = 90.0) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.js(condition):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.05)

    def filtered(self, act) -> None:
        """Do something that filters, and wait until all is filtered."""
        before = int(self.js("document.documentElement.dataset.filtered ?? '0'"))
        act()
        self.until(f"Number(document.documentElement.dataset.filtered ?? 0) > {before}")

    def console(self) -> list[str]:
        """What the console said since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> set[str]:
        """The addresses that were asked for since it was last asked."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.add(message["params"]["request"]["url"])
        return found
