"""A user of the page: what she sees and what she can press."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from .fake_server import TOKEN

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective + " " + e.blockedURI));
"""


class Page:
    """The page as a user sees it.

    Attributes:
        driver: the browser.
        fake: the server, a `FakeServer` or another one with an `address`.
        expects_errors: sockets are cut in this test; the browser's own complaints about them are no failure.
    """

    def __init__(self, driver: Any, fake: Any) -> None:
        self.driver, self.fake = driver, fake
        self.expects_errors = False

    def open(self, *, token: str | None = TOKEN, settings: dict[str, Any] | None = None, fragment: str = "") -> None:
        """Opens the page, logged in with `token` unless it is None."""
        stored = {"token": token, "settings": settings and json.dumps(settings)}
        if any(stored.values()):
            self.driver.get(self.fake.address)
            for name, value in stored.items():
                if value:
                    self.js("localStorage.setItem(arguments[0], arguments[1])", f"ohlora.{name}", value)
            self.driver.get("about:blank")
        self.driver.get(f"{self.fake.address}/{fragment}")
        if token == TOKEN:
            self.until(lambda: self.all(".message") or self.all(".empty:not([hidden])"), "the conversation")

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def all(self, css: str) -> list[Any]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str) -> Any:
        return self.until(lambda: self.all(css), css)[-1]

    def texts(self, css: str) -> list[str]:
        """The visible texts; read in one step, so that a redraw in between does no harm."""
        script = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility())"
        return self.js(f"{script}.map((e) => e.innerText)", css)

    def until(self, condition: Callable[[], Any], what: str = "", seconds: float = 8) -> Any:
        end = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > end:
                pytest.fail(f"waited in vain: {what}; the page ends with {self.texts('body')[0][-300:]!r}")
            time.sleep(0.03)
        return value

    @property
    def box(self) -> Any:
        return self.one(".composer-box")

    def say(self, text: str) -> None:
        self.box.send_keys(text, Keys.ENTER)

    def words(self) -> list[str]:
        return self.texts(".words")

    def settled(self, count: int) -> None:
        """Waits until `count` messages stand there and none is being written or sent."""
        still = "return !document.querySelector('.message[aria-busy], .message.pending')"
        self.until(lambda: len(self.all(".message")) == count and self.js(still), f"{count} settled messages")

    def tool(self, label: str) -> None:
        """Presses a tool of the last message that has it."""
        self.js("document.activeElement.blur()")
        button = self.one(f".message .tools button[aria-label='{label}']")
        ActionChains(self.driver).move_to_element(button).click().perform()

    def press(self, key: str, *modifiers: str) -> None:
        chain = ActionChains(self.driver)
        for modifier in modifiers:
            chain.key_down(modifier)
        chain.send_keys(key)
        for modifier in modifiers:
            chain.key_up(modifier)
        chain.perform()

    def cdp(self, command: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, parameters)

    def check(self) -> None:
        """No error in the console, and nothing that the content security policy had to stop."""
        violations = self.js("return window.violations ?? []")
        assert not violations, violations
        errors = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        if self.expects_errors:
            errors = [text for text in errors if "WebSocket connection" not in text]
        assert not errors, errors
