"""Cuts, spins, matrices and JSON: energies by their definitions, and what is told of each."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import tracemalloc

import dimod
import numpy as np
import pytest
from scipy import sparse

from secateur.errors import FileError
from secateur.files import read_file


@pytest.fixture
def write(tmp_path):
    def file(name: str, content: str | bytes):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return file


def energies(bqm, n=3):
    assert len(bqm.variables) == n
    names = list(bqm.variables)
    return [bqm.energy(dict(zip(names, z, strict=True))) for z in points(n)]


def points(n=3):
    return list(itertools.product((0, 1), repeat=n))


GRAPH = "# a graph\n3 3\n1 2 3\n2 3 -2\n1 3 0.5\n"


@pytest.mark.parametrize("name", ["a.mc", "a.rud", "a.rudy", "G7", "G7.txt", "a.mc.gz"])
def test_the_energy_of_a_cut_is_minus_its_weight(write, name):
    data = GRAPH.encode()
    file = read_file(write(name, gzip.compress(data) if name.endswith(".gz") else data))
    assert list(file.bqm.variables) == [1, 2, 3]
    assert energies(file.bqm) == [
        -(3 * (a != b) - 2 * (b != c) + 0.5 * (a != c)) for a, b, c in points()
    ]
    assert "minus the weight of the cut" in file.provenance["sense"]
    assert file.maximised
    assert file.provenance["comments"] == ["a graph"]


@pytest.mark.parametrize("name", ["a.mc", "G7"])
def test_edges_without_weights_weigh_one_and_that_is_told(write, name):
    path = write(name, "# a graph\r\n3 2\r\n1 2\r\n\r\n2 3\r\n")
    file = read_file(path, format="max-cut")
    assert energies(file.bqm) == [-((a != b) + (b != c)) for a, b, c in points()]
    assert file.warnings == ("its edges have no weights: each is taken as 1",)


def test_edges_of_which_some_have_weights_are_an_error(write):
    with pytest.raises(FileError, match="line 2: '1 2' is not"):
        read_file(write("a.mc", "3 2\n1 2\n2 3 4\n"))


def test_a_node_joined_with_itself_is_no_cut(write):
    with pytest.raises(FileError, match="line 3: the edge 2 2 joins a node with itself"):
        read_file(write("a.mc", "3 2\n1 2 3\n2 2 1\n"))


MQLIB = "# Sample\n3 5\n1 1 5\n2 2 3\n3 3 1\n1 2 -6\n2 3 -1\n"


def test_mqlib_maximises(write):
    """Its own example, of which its page says that 6 at 1 0 1 is the best."""
    for path, how in ((write("a.txt", MQLIB), {"format": "mqlib"}), (write("a.qubo", MQLIB), {})):
        file = read_file(path, **how)
        found = energies(file.bqm)
        assert min(found) == -6.0
        assert points()[int(np.argmin(found))] == (1, 0, 1)
        assert file.maximised
        assert "maximised" in file.provenance["sense"]


def test_qubist_has_spins_from_0(write):
    file = read_file(write("a.qh", "3 3\n0 0 0.5\n2 2 -1\n0 2 2\n"))
    spins = [tuple(2 * x - 1 for x in z) for z in points()]
    assert energies(file.bqm) == [0.5 * s - t + 2 * s * t for s, _, t in spins]
    assert "SPIN" in file.provenance["vartype"]


BQPJSON = {
    "version": "1.0.0",
    "id": 7,
    "description": "mine",
    "metadata": {"generated": "today"},
    "variable_ids": [2, 4, 6],
    "variable_domain": "boolean",
    "scale": 2.0,
    "offset": 0.5,
    "linear_terms": [{"id": 2, "coeff": 1.25}, {"id": 6, "coeff": -0.75}],
    "quadratic_terms": [
        {"id_tail": 2, "id_head": 4, "coeff": -0.25},
        {"id_tail": 6, "id_head": 2, "coeff": 1.5},
        {"id_tail": 4, "id_head": 2, "coeff": 1.0},
    ],
    "solutions": [{"id": 0, "assignment": [], "evaluation": -3.0}],
}


@pytest.mark.parametrize("domain", ["boolean", "spin"])
def test_bqpjson_means_its_formula(write, domain):
    whole = BQPJSON | {"variable_domain": domain}
    file = read_file(write("a.json", json.dumps(whole)))
    assert list(file.bqm.variables) == [2, 4, 6]
    values = points() if domain == "boolean" else [tuple(2 * x - 1 for x in z) for z in points()]
    assert energies(file.bqm) == pytest.approx(
        [2 * (0.5 + 1.25 * a - 0.75 * c + 0.75 * a * b + 1.5 * a * c) for a, b, c in values]
    )
    kept = ("id", "description", "metadata", "scale", "solutions", "version")
    assert {key: file.provenance[key] for key in kept} == {key: whole[key] for key in kept}
    assert ("variable_domain" in file.provenance) == (domain == "spin")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"variable_domain": "ternary"}, "the variable domain is 'ternary'"),
        ({"variable_domain": []}, "the variable domain is []"),
        ({"scale": -1.0}, "the scale is -1.0"),
        ({"scale": float("nan")}, "the scale is nan"),
        ({"offset": None}, "the offset None"),
        ({"variable_ids": [2, 2, 4, 6]}, "each once"),
        ({"variable_ids": [2, "4", 6]}, "not whole numbers"),
        ({"linear_terms": [{"id": 3, "coeff": 1}]}, "is not a linear term"),
        ({"linear_terms": [{"id": 2}]}, "KeyError"),
        ({"linear_terms": [{"id": 2, "coeff": 1}] * 2}, "a linear term is listed twice"),
        ({"quadratic_terms": [{"id_tail": 2, "id_head": 2, "coeff": 1}]}, "not a quadratic term"),
        ({"quadratic_terms": [{"id_tail": 2, "id_head": 4, "coeff": 1}] * 2}, "listed twice"),
    ],
)
def test_wrong_bqpjson_is_one_clear_error(write, change, said):
    with pytest.raises(FileError) as error:
        read_file(write("a.json", json.dumps(BQPJSON | change)))
    assert said in error.value.message
    assert error.value.remedy


ROWS = "0 0 -1\n0 1 4\n1 1 3\n1 2 -5\n"
BOTH = "c id : 1\nc scale : 2.0\nc offset : 1.5\nc description : mine\nc \np qubo 0 3 2 2\n"


def test_a_qubo_without_a_header_is_rows(write):
    file = read_file(write("a.qubo", ROWS))
    assert energies(file.bqm) == [-a + 4 * a * b + 3 * b - 5 * b * c for a, b, c in points()]
    assert "no header" in file.warnings[0]


def test_what_bqpjson_and_qubotools_write_has_a_scale_and_an_offset(write):
    text = BOTH + "c linear terms\n0 0 -1\n1 1 3\nc quadratic terms\n0 1 4\n1 2 -5\n"
    file = read_file(write("a.qubo", text))
    assert energies(file.bqm) == [
        2 * (1.5 - a + 4 * a * b + 3 * b - 5 * b * c) for a, b, c in points()
    ]
    assert (file.provenance["scale"], file.provenance["offset"]) == (2.0, 1.5)
    assert "description : mine" in file.provenance["comments"]
    assert file.warnings == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.coo", "# offset=3\n" + ROWS),
        ("a.coo", "# offset 3 (in eV)\n# offset: 3\n# variables=[1]\n" + ROWS),
        ("a.qubo", "c offset=3\np qubo 0 3 2 2\n" + ROWS),
        ("a.qubo", BOTH.replace("scale : 2.0", "scale : 1.0") + ROWS),
        (
            "a.sparse",
            "# ObjectiveOffset 3\n# maximize obj: x\n3 4\n1 1 -1\n1 2 2\n2 2 3\n2 3 -2.5\n",
        ),
    ],
)
def test_a_remark_is_no_data_and_told(write, name, text):
    """What looks like an offset in a stranger's comment."""
    file = read_file(write(name, text))
    assert energies(file.bqm) == [-a + 4 * a * b + 3 * b - 5 * b * c for a, b, c in points()]
    assert not file.maximised
    assert "is a remark: the energies are without it" in file.warnings[0]
    assert file.provenance["comments"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.coo", '# vartype=BINARY\n# variables=["x", "y"]\n0 0 1\n0 1 2\n'),
        ("a.qubo", 'c variables=["x", "y"]\np qubo 0 2 1 1\n0 0 1\n0 1 2\n'),
    ],
)
def test_labels_in_a_remark_are_no_labels_and_told(write, name, text):
    file = read_file(write(name, text))
    assert list(file.bqm.variables) == [0, 1]
    assert "the variables are numbered, not named" in file.warnings[0]
    assert 'variables=["x", "y"]' in file.provenance["comments"][0]


@pytest.mark.parametrize(
    "remark", ["# maximise the profit", "# Maximize x", "# we maximize obj: x"]
)
def test_only_zimpls_own_line_says_that_it_is_maximised(write, remark):
    file = read_file(write("a.qs", f"{remark}\n# ObjectiveOffset 2\n1 1\n1 1 -1\n"))
    assert file.bqm.energy({1: 1}) == 1.0
    assert not file.maximised


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.sparse", "3 2\n1 1 0\n1 2 2\n2 3 1\n", "zeros are listed"),
        ("a.sparse", "3 5\n1 1 4\n1 2 2\n2 3 1\n", "a diagonal was counted"),
        ("a.qubo", "p qubo 0 3 1 1\n0 0 1\n1 1 0\n0 1 2\n", "differ by zeros"),
        ("a.qubo", "p qubo 0 3 3 1\n0 0 1\n0 1 2\n", "differ by zeros"),
        ("a.mc", "3 1\n1 2 2\n2 3 0\n", "zeros are listed"),
    ],
)
def test_a_header_that_differs_by_zeros_is_a_warning(write, caplog, name, text, told):
    file = read_file(write(name, text))
    assert told in file.warnings[0]
    assert told in caplog.text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.sparse", "3 1\n1 1 0\n1 2 2\n2 3 1\n"),
        ("a.sparse", "3 6\n1 1 4\n1 2 2\n2 3 1\n"),
        ("a.sparse", "4 7\n1 1 4\n1 2 2\n2 3 1\n"),
        ("a.qubo", "p qubo 0 3 0 1\n0 0 1\n1 1 0\n0 1 2\n"),
        ("a.qubo", "p qubo 0 3 3 2\n0 0 1\n0 1 2\n"),
        ("a.mc", "3 3\n1 2 2\n2 3 0\n"),
    ],
)
def test_a_header_that_differs_by_more_is_an_error(write, name, text):
    with pytest.raises(FileError, match="truncated or corrupt: its header says"):
        read_file(write(name, text))


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def header(kind):
    return f"%%MatrixMarket matrix {kind}\n% a remark\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "a.mtx",
            header("coordinate real general") + "3 3 5\n1 1 -1\n1 2 3\n2 1 1\n2 2 3\n2 3 -5\n",
        ),
        ("a.mtx", header("coordinate real symmetric") + "3 3 4\n1 1 -1\n2 1 2\n2 2 3\n3 2 -2.5\n"),
        ("a.mtx", header("array real general") + "3 3\n-1\n1\n0\n3\n3\n0\n0\n-5\n0\n"),
        ("a.mtx", header("array integer symmetric") + "3 3\n-1\n2\n0\n3\n-2.5\n0\n"),
        ("a.npz", npz(Q=np.array([[-1, 3, 0], [1, 3, -5], [0, 0, 0]]))),
        ("a.npz", npz(whatever=np.array([[-1, 2, 0], [2, 3, -2.5], [0, -2.5, 0]], np.float32))),
    ],
)
def test_a_matrix_is_summed_over_all_its_entries(write, name, content):
    file = read_file(write(name, content))
    assert energies(file.bqm) == [-a + 4 * a * b + 3 * b - 5 * b * c for a, b, c in points()]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.mtx", header("coordinate complex general") + "1 1 0\n", "coordinate, complex"),
        ("a.mtx", header("coordinate pattern general") + "1 1 0\n", "coordinate, pattern"),
        ("a.mtx", header("coordinate real hermitian") + "1 1 0\n", "the matrix is hermitian"),
        ("a.mtx", header("coordinate real general") + "2 3 0\n", "not the size of a square"),
        ("a.mtx", header("coordinate real general") + "2 2 2\n1 1 1\n", "says 2 entries"),
        ("a.mtx", header("array real general") + "2 2\n1\n1\n1\n", "says 4 entries, and it has 3"),
        ("a.mtx", header("array real general") + "1 1\n1\n1\n", "says 1 entries, and it has 2"),
        ("a.mtx", header("coordinate real general") + "2 2 2\n1 1 1\n1 1 2\n", "listed twice"),
        ("a.mtx", header("coordinate real symmetric") + "2 2 2\n1 2 1\n2 1 2\n", "listed twice"),
        ("a.mtx", header("coordinate real general") + "2 2 1\n1 3 1\n", "outside of 1 to 2"),
        ("a.npz", npz(Q=np.zeros((2, 3))), "its shape is (2, 3)"),
        ("a.npz", npz(Q=np.zeros((2, 2)), b=np.zeros(2)), "it has the arrays Q, b, and not one"),
        ("a.npz", npz(Q=np.array([["a"]])), "its entries are"),
        ("a.npz", npz(Q=np.array([[1j]])), "its entries are complex128"),
        ("a.npz", npz(Q=np.array([[None]], dtype=object)), "allow_pickle=False"),
        ("a.npz", npz(format=b"csr", shape=[10**9] * 2, data=[1.0]), "its shape is"),
        ("a.npz", npz(format=b"csr", shape=[10**6] * 2, data=[1.0]), "1000000 variables in a file"),
        ("a.npz", npz(format=b"dia", shape=[2] * 2, data=[1.0]), "the sparse format is 'dia'"),
        ("a.npz", b"PK\x03\x04", "no .npz file"),
        ("a.cqm", b"DIMODCQM\x01", "truncated or corrupt"),
        ("a.cqm", b"PK", "does not start with DIMODCQM"),
    ],
)
def test_a_wrong_matrix_is_one_clear_error(write, name, content, said):
    with pytest.raises(FileError) as error:
        read_file(write(name, content))
    assert said in error.value.message
    assert error.value.remedy


def test_a_model_with_more_than_bits_is_refused_by_name(write):
    cqm = dimod.ConstrainedQuadraticModel()
    cqm.add_variable("INTEGER", "many", upper_bound=5)
    cqm.set_objective([("many", 1.0)])
    with cqm.to_file() as file:
        path = write("a.cqm", file.read())
    with pytest.raises(FileError, match="'many' is INTEGER"):
        read_file(path)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.bool_, np.float32])
def test_entries_listed_twice_are_summed_as_numbers(write, kind):
    """SciPy sums them in their own type, where 100 + 100 is -56."""
    values = np.array([100, 100, 1], dtype=kind)
    file = io.BytesIO()
    sparse.save_npz(file, sparse.coo_array((values, ([0, 0, 1], [1, 1, 1])), shape=(2, 2)))
    bqm = read_file(write("a.npz", file.getvalue())).bqm
    assert bqm.get_quadratic(0, 1) == 2.0 * float(values[0])


def test_the_size_of_a_dense_matrix_takes_no_memory(write):
    """Believed up to 10 000 of any file: its places are a hundred million."""
    path = write("a.mtx", "%%MatrixMarket matrix array real general\n10000 10000\n1\n")
    tracemalloc.start()
    try:
        with pytest.raises(FileError, match="says 100000000 entries, and it has 1"):
            read_file(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


TWICE = [
    '{"version": "1.0.0", "variable_ids": [0], "variable_domain": "spin", "scale": 2, "scale": 3, '
    '"offset": 1, "linear_terms": [], "quadratic_terms": []}',
    '{"qubo": {"shape": [1, 1], "row": [0], "col": [0], "data": [1], "data": [2]}}',
]


@pytest.mark.parametrize("text", TWICE)
def test_a_key_that_is_there_twice_is_an_error(write, text):
    with pytest.raises(FileError, match="is there twice") as error:
        read_file(write("a.json", text))
    assert "it looks like" not in error.value.message
