"""What sdist and wheel hold, compared with the source tree; both are built without network."""

from __future__ import annotations

import email
import fnmatch
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = {"secateur": "core/secateur", "secateur_backends": "backends/secateur_backends"}
DATA = [
    "secateur/py.typed",
    "secateur_backends/py.typed",
    "secateur/cli/template/pyproject.toml.txt",
    "secateur/study/report/page/page.html.j2",
    "secateur/study/report/page/page.css",
    "secateur/study/report/page/page.js",
    *(
        f"secateur/zoo/checkpoints/{name}.{ending}"
        for name in ("chain", "halfunet", "small-halfunet")
        for ending in ("json", "safetensors")
    ),
]


def tree() -> set[str]:
    """The files of the project: git's, and those that it would take."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}
    # an unpacked sdist, with what its tests left behind
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split()]
    return {
        file.relative_to(ROOT).as_posix()
        for file in ROOT.rglob("*")
        if file.is_file()
        and not any(fnmatch.fnmatch(part, name) for part in file.parts for name in ignored)
    } - {"PKG-INFO"}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def sdist(built) -> set[str]:
    (path,) = built.glob("*.tar.gz")
    assert path.name == f"secateur-{PROJECT['version']}.tar.gz"
    with tarfile.open(path) as archive:
        return {member.name.partition("/")[2] for member in archive if member.isfile()}


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    assert path.name == f"secateur-{PROJECT['version']}-py3-none-any.whl"
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_string(wheel.read(name).decode())


def test_the_sdist_holds_the_whole_project_and_nothing_else(sdist):
    assert sdist - {"PKG-INFO"} == tree()
    assert {"hatch_build.py", "constraints.txt", ".ci/run", "plugins/check.sh"} <= sdist
    assert "tests/packaging/test_contents.py" in sdist


def test_the_wheel_holds_the_packages_as_they_are_and_nothing_else(wheel):
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    wanted = {
        f"{package}/{name.removeprefix(home + '/')}": ROOT / name
        for package, home in PACKAGES.items()
        for name in tree()
        if name.startswith(home + "/")
    }
    assert inside == set(wanted)
    assert set(DATA) <= inside
    assert not [name for name in inside if {"tests", "conftest.py"} & set(name.split("/"))]
    for name, path in wanted.items():
        assert wheel.read(name) == path.read_bytes(), name


def test_the_licence_comes_along(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith("licenses/LICENSE"))
    assert wheel.read(name) == (ROOT / "LICENSE").read_bytes()


def test_the_description_has_no_link_that_leads_nowhere(metadata):
    text = metadata.get_payload()
    assert metadata["Description-Content-Type"] == "text/markdown"
    outside = "".join(re.split(r"^```.*?^```$", text, flags=re.MULTILINE | re.DOTALL))
    targets = re.findall(r"\]\(([^)]*)\)", outside)
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    assert "secateur.prune(network, task, amount=0.36)" in text


def test_the_metadata_are_those_of_the_project(metadata):
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    assert set(metadata.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"])
    assert len(metadata.get_all("Project-URL")) == len(PROJECT["urls"])
