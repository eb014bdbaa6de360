#!/usr/bin/env bash
# What is typed first by those who bring a problem or a solver and no network, in the current, empty
# folder, by the environment whose programs are in the folder BIN:
#   .ci/smoke.sh BIN
set -euo pipefail
bin=${1:?usage: .ci/smoke.sh BIN}

"$bin/python" -c '
import secateur
from secateur.backends.listing import describe_backends
assert secateur.solve and secateur.Problem and describe_backends()'
printf '# vartype=BINARY\n0 0 1.5\n1 1 -2\n2 2 -1\n0 1 0.5\n' > small.coo
"$bin/secateur" solve small.coo
"$bin/secateur" solve small.coo --count 2 --json | "$bin/python" -c '
import json, sys
assert json.load(sys.stdin)["energy"] == -3.0'
"$bin/secateur" solve small.coo --count 2 --certificate proof.json.gz
"$bin/secateur" verify proof.json.gz small.coo --count 2
"$bin/secateur" backends
"$bin/secateur" backends check annealing
cat > test_annealing.py <<'TEST'
import pytest
from secateur.testing import BackendConformance


class TestAnnealing(BackendConformance):
    @pytest.fixture
    def backend(self):
        return "annealing"
TEST
"$bin/python" -m pytest -q test_annealing.py
