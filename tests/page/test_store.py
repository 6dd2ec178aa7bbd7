"""The page's pure modules, run by node, and what they must share with the Python side."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from server.errors import ServerError
from stylegan.attributes import ATTRIBUTES

HERE = Path(__file__).parent
WEB = Path(__file__).parents[2] / "server" / "web"


def old_node() -> bool:
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    return tuple(int(part) for part in version.strip().lstrip("v").split(".")[:2]) < (20, 19)


pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(
        shutil.which("node") is not None and old_node(), reason="node before 20.19 takes no .js file for a module"
    ),
]


def node(*arguments: str) -> str:
    done = subprocess.run(["node", *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["store", "pure", "face"])
def test_the_pure_modules_of_the_page_pass_their_own_tests(name: str) -> None:
    node("--test", str(HERE / f"{name}.test.mjs"))


def test_the_stage_knows_every_face_attribute_with_its_range() -> None:
    """stylegan/attributes.py states them; the page's table must say the same."""
    script = f'import("{WEB.as_uri()}/js/attributes.js").then((m) => console.log(JSON.stringify(m.ATTRIBUTES)))'
    shown = {
        name: {k: v for k, v in each.items() if k != "unit"} for name, each in json.loads(node("-e", script)).items()
    }
    assert shown == {n: {"low": a.low, "high": a.high, "neutral": a.neutral} for n, a in ATTRIBUTES.items()}


def test_every_error_code_has_a_text_in_both_languages() -> None:
    script = (
        f'import("{WEB.as_uri()}/js/strings.js").then((m) => console.log(JSON.stringify(Object.keys(m.STRINGS.en))))'
    )
    codes = {ServerError.code} | {each.code for each in ServerError.__subclasses__()}
    assert codes <= set(json.loads(node("-e", script)))
