#!/usr/bin/env bash
# The plugins, and one that was just written, installed into a fresh environment beside the library
# and tested with the kit, as their users would.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
bin=$work/venv/bin
"$bin/pip" install --quiet -c constraints.txt .
"$bin/pip" install --quiet -c constraints.txt pytest ./plugins/template ./plugins/scip ./plugins/openjij
cd "$work"
"$bin/secateur" backends new brand-new
"$bin/pip" install --quiet ./secateur-brand-new
"$bin/secateur" backends
"$bin/python" -m pytest -q --pyargs secateur_template secateur_scip secateur_openjij secateur_brand_new
for name in template scip openjij openjij-sqa brand-new; do "$bin/secateur" backends check "$name"; done
"$bin/pip" check
echo "plugins of $project: good"
