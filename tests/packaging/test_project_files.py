"""The files beside the code say the same of the project, and name what is there."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import yaml

import secateur

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
PYTHONS = [
    found[1]
    for line in PROJECT["classifiers"]
    if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line))
]


def hook():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


README = """See [the tutorial](docs/first.md) and [*the* paper](https://arxiv.org/abs/1), \
[here](#here).

![A curve](docs/curve.png)
[![A table, whole](docs/table.png)](docs/tables.md)

```text
[left](alone)
```
"""
NOWHERE = """See the tutorial and [*the* paper](https://arxiv.org/abs/1), [here](#here).

*(Picture: A curve.)*
*(Picture: A table, whole.)*

```text
[left](alone)
```
"""
SOMEWHERE = """See [the tutorial](https://x.org/a/s/blob/v1.2/docs/first.md) and \
[*the* paper](https://arxiv.org/abs/1), [here](#here).

![A curve](https://x.org/a/s/raw/v1.2/docs/curve.png)
[![A table, whole](https://x.org/a/s/raw/v1.2/docs/table.png)]\
(https://x.org/a/s/blob/v1.2/docs/tables.md)

```text
[left](alone)
```
"""


@pytest.mark.parametrize(("source", "shown"), [(None, NOWHERE), ("https://x.org/a/s", SOMEWHERE)])
def test_links_of_the_readme_become_absolute(source, shown):
    assert hook().long_description(README, source, "1.2") == shown


def test_the_hook_takes_the_url_from_the_one_place():
    metadata = {"version": "1.2", "urls": {"Source": "https://x.org/a/s"}}
    hook().LongDescription(str(ROOT), {}).update(metadata)
    text = metadata["readme"]["text"]
    assert "](https://x.org/a/s/blob/v1.2/docs/tutorial/first.md)" in text
    assert "![PSNR" in text
    assert not re.search(r"\]\((docs|benchmarks)/", text)


def test_the_readme_links_to_what_is_there():
    """Of all pages that stand beside the code."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "changes").glob("*.md")]
    assert len(pages) > 4
    for page in pages:
        prose = "".join(re.split(r"^```.*?^```$", page.read_text(), flags=re.M | re.S))
        for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", prose):
            assert (page.parent / target).exists(), (page.name, target)


def test_the_version_is_one():
    assert secateur.__version__ == PROJECT["version"] == str(CITATION["version"])


def test_the_urls_are_true():
    """No home is told before there is one; what is told is told alike."""
    assert all(url.startswith("https://") for url in PROJECT["urls"].values())
    assert CITATION.get("repository-code") == PROJECT["urls"].get("Source")
    assert CITATION["license"] == PROJECT["license"]
    assert PROJECT["urls"]["Reference"] == CITATION["references"][0]["url"]


def test_every_dependency_is_pinned_in_the_tested_version():
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    pinned = [name.lower() for name in pinned]
    assert len(pinned) == len(set(pinned))
    lines = [*PROJECT["dependencies"], *PYPROJECT["build-system"]["requires"]]
    lines += [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    named = {re.match(r"[\w.-]+", line)[0].lower() for line in lines}
    assert named - {"secateur"} <= set(pinned)


def test_the_workflow_calls_what_is_there():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"]
    commands = {name: [step.get("run", "") for step in job["steps"]] for name, job in jobs.items()}
    assert "bash .ci/run" in commands["everything"]
    assert "bash .ci/pythons.sh ${{ matrix.python }}" in commands["pythons"]
    assert jobs["pythons"]["strategy"]["matrix"]["python"] == PYTHONS
    assert jobs["pythons"]["strategy"]["fail-fast"] is False
    for job in jobs.values():
        # else a step that hangs takes six hours of a runner
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)


def test_the_classifiers_are_every_python_since_the_oldest():
    oldest = int(re.fullmatch(r">=3\.(\d+)", PROJECT["requires-python"])[1])
    assert [f"3.{oldest + more}" for more in range(len(PYTHONS))] == PYTHONS
    assert PYPROJECT["tool"]["mypy"]["python_version"] == PYTHONS[0]
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py3{oldest}"


def test_before_a_commit_the_tools_of_the_extra_are_run():
    """Local hooks: the same versions as in CI, nothing of them downloaded by another way."""
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repo["repo"] == "local"
    assert {hook["language"] for hook in repo["hooks"]} == {"system"}
    script = (ROOT / ".ci" / "run").read_text()
    in_ci = re.findall(r'^  "\$tools/([\w-]+)"([^\n]*)$', script, re.MULTILINE)
    commands = {f"{tool}{rest}".removesuffix(" .") for tool, rest in in_ci}
    entries = {hook["entry"] for hook in repo["hooks"]}
    assert entries == {one for one in commands if not one.startswith(("pip", "sphinx-build"))}
    extra = " ".join(PROJECT["optional-dependencies"]["lint"])
    for entry in entries:
        assert entry.split()[0].replace("lint-imports", "import-linter") in extra


def test_every_script_of_ci_is_called():
    """By ``.ci/run`` or another of them."""
    scripts = {file for file in (ROOT / ".ci").iterdir() if file.suffix in (".sh", ".py")}
    callers = [ROOT / ".ci" / "run", ROOT / "plugins" / "check.sh", *scripts]
    for script in scripts:
        assert any(
            f".ci/{script.name}" in caller.read_text() for caller in callers if caller != script
        ), script


def test_each_change_is_of_a_kind_that_a_release_gathers():
    kinds = {one["directory"] for one in PYPROJECT["tool"]["towncrier"]["type"]}
    folder = ROOT / PYPROJECT["tool"]["towncrier"]["directory"]
    told = (folder / "README.md").read_text()
    assert all(f"`{kind}`" in told for kind in kinds)
    for file in folder.iterdir():
        if file.name != "README.md":
            named = re.fullmatch(r"(?:\+[a-z0-9-]+|\d+)\.(\w+)\.md", file.name)
            assert named, file.name
            assert named[1] in kinds, file.name
            assert file.read_text().strip(), file.name
    log = (ROOT / PYPROJECT["tool"]["towncrier"]["filename"]).read_text()
    assert log.count("<!-- towncrier release notes start -->\n") == 1
