#!/usr/bin/env bash
# What would be uploaded to an index, built from a clean clone, looked at as an index does, and used
# by somebody who has nothing else: the wheel, with [demo], in a new environment and an empty folder.
#   PYTHON=…/python .ci/package.sh    one with the extra `test`, for the sdist's own tests
set -euo pipefail
cd "$(dirname "$0")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1
unset PYTHONPATH
python=$(command -v "${PYTHON:-python3}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --quiet . "$work/source"
constraints=$work/source/constraints.txt

echo "-- built: the sdist from the clone, the wheel from the sdist"
"$python" -m venv "$work/tools"
tools=$work/tools/bin
"$tools/pip" install --quiet -c "$constraints" build twine towncrier mypy
# cffconvert wants an older jsonschema than the tests have
"$python" -m venv "$work/citing"
grep -v '^jsonschema' "$constraints" > "$work/citing.txt"
"$work/citing/bin/pip" install --quiet -c "$work/citing.txt" cffconvert
# for the environments that `build` makes itself
PIP_CONSTRAINT=$constraints PIP_BUILD_CONSTRAINT=$constraints \
  "$tools/python" -m build --outdir "$work/dist" "$work/source" > "$work/build.log" 2>&1 \
  || { cat "$work/build.log"; exit 1; }
tail -1 "$work/build.log"
"$tools/twine" check --strict "$work"/dist/*
(cd "$work/source" && "$work/citing/bin/cffconvert" --validate)
(cd "$work/source" && "$tools/towncrier" build --draft --version 0 > "$work/changes.md")

echo "-- the sdist: its tests are there, and some are run"
mkdir "$work/sdist"
tar -xzf "$work"/dist/*.tar.gz -C "$work/sdist" --strip-components=1
(
  cd "$work/sdist"
  PYTHONPATH=core:backends "$python" -m pytest -p no:cacheprovider -n0 \
    tests/packaging tests/docs/test_readme_demo.py tests/test_structure.py
)

echo "-- the wheel in an empty environment"
"$python" -m venv "$work/venv"
bin=$work/venv/bin
"$bin/pip" install --quiet -c "$constraints" "$(echo "$work"/dist/*.whl)[demo]"
"$bin/pip" check
mkdir "$work/empty"
cd "$work/empty"
# one point of the curve, recovered a little: .ci/run has the README's command, whole
"$bin/secateur" -q demo --amount 65% --steps 50 --output demo
for file in result.json curve.csv curve.png curve.svg; do test -s "demo/$file"; done
"$bin/python" - <<'CHECK'
import json
from importlib.metadata import version
from pathlib import Path

import secateur

assert version("secateur") == secateur.__version__
assert "site-packages" in secateur.__file__, secateur.__file__
(point,) = json.loads(Path("demo/result.json").read_text())["points"]
assert point["rows"]["ours"]["channels"] == 42, point
CHECK
cp "$work/source/tests/typed/example.py" .
"$tools/mypy" --strict --config-file= --explicit-package-bases --python-executable "$bin/python" example.py
echo "the wheel is good"
