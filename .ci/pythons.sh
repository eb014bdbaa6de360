#!/usr/bin/env bash
# secateur without extras on every Python of pyproject's classifiers that is found here, each in an
# environment of its own: compiled with warnings as errors, used as in smoke.sh, and tests of what
# needs no PyTorch. A Python that is not found is named.
#   .ci/pythons.sh           all of them, with the tests of the proofs
#   .ci/pythons.sh 3.14 …    these, with those of problems and files too; not to find one is an error
# Looked for: pythonX.Y on the path, then pyenv's, then Debian's.
set -euo pipefail
cd "$(dirname "$0")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1
unset PYTHONPATH
here=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tested=(tests/certify)
if [ $# -gt 0 ]; then
  # none of these imports PyTorch, and PyQUBO is an extra
  tested+=(tests/problem tests/files --ignore-glob='*pyqubo*' --ignore=tests/problem/test_terms.py)
fi

find_python() {
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python "/usr/bin/python$1"; do
    # a shim of pyenv may be there for a version that is not chosen
    if "$candidate" -c "import ensurepip, sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2> /dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

try() {
  local version=$1 python=$2 bin=$work/$1/bin
  printf '\n-- Python %s: %s\n' "$version" "$("$python" --version)"
  "$python" -m venv "$work/$version"
  "$bin/pip" install --quiet -c constraints.txt "$work/source" pytest pytest-timeout pytest-xdist hypothesis
  "$bin/pip" check
  "$bin/python" -W error -m compileall -q -f "$work/$version"/lib/python*/site-packages/secateur{,_backends}
  mkdir "$work/empty-$version"
  (cd "$work/empty-$version" && "$here/.ci/smoke.sh" "$bin")
  (cd "$work/source" && "$bin/python" -m pytest --noconftest -p no:cacheprovider "${tested[@]}")
}

# pip would leave its build in the tree
git clone --quiet . "$work/source"
if [ $# -gt 0 ]; then
  wanted=("$@")
else
  mapfile -t wanted < <(sed -n 's/.*"Programming Language :: Python :: \(3\.[0-9]*\)".*/\1/p' pyproject.toml)
fi
ran=()
missing=()
for version in "${wanted[@]}"; do
  if python=$(find_python "$version"); then
    try "$version" "$python"
    ran+=("$version")
  else
    missing+=("$version")
  fi
done
echo "Pythons that secateur was run on: ${ran[*]:-none}; not found here, nothing was run on: ${missing[*]:-none}"
if [ ${#ran[@]} = 0 ] || { [ $# -gt 0 ] && [ ${#missing[@]} -gt 0 ]; }; then exit 1; fi
