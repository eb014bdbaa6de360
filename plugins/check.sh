#!/usr/bin/env bash
# The library as people install it who bring a problem or a solver and no network, so without
# PyTorch, in a fresh environment: what they type works. Then the plugins, and one that was just
# written, are installed beside it and tested with the kit, as their users would.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
bin=$work/venv/bin
"$bin/pip" install --quiet -c constraints.txt . pytest

no_torch() {
  "$bin/python" -c '
from importlib.util import find_spec
from secateur.versions import versions
assert not find_spec("torch") and not find_spec("safetensors"), "PyTorch is here"
assert versions()["torch"] == "not installed", versions()'
}

no_torch
cd "$work"
"$project/.ci/smoke.sh" "$bin"
if "$bin/secateur" demo 2> said.txt; then echo "the demo ran without PyTorch"; exit 1; fi
grep -q "needs PyTorch" said.txt
grep -qF "pip install 'secateur[demo]'" said.txt

plugins=(template scip openjij dwave-hybrid teneva qiskit-optimization)
"$bin/pip" install --quiet -c "$project/constraints.txt" "${plugins[@]/#/$project/plugins/}"
"$bin/secateur" backends new brand-new
"$bin/pip" install --quiet ./secateur-brand-new
"$bin/secateur" backends
tested=("${plugins[@]//-/_}" brand_new)
"$bin/python" -m pytest -q --pyargs "${tested[@]/#/secateur_}"
for name in template scip openjij openjij-sqa dwave-hybrid dwave-hybrid-tempering teneva \
  qiskit-optimization brand-new; do "$bin/secateur" backends check "$name"; done
"$bin/secateur" refiners show teneva
no_torch
"$bin/pip" check
echo "without PyTorch, and the plugins of $project: good"
