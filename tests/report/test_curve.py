"""The demo's curve: its numbers, where it says that methods tie, and its picture."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from secateur.errors import FileError
from secateur.report.curve import (
    HYBRID,
    LINES,
    OURS,
    TAYLOR,
    Curve,
    Printer,
    lead,
    pivot,
    save_curve,
    ties,
)
from secateur.report.curve.figure import INK, STYLES, draw_curve
from secateur.report.curve.shown import called, csv_of
from secateur.result import Row
from secateur.surgery.timing import Ratio


def row(
    method: str,
    pruned: int,
    metric: float,
    compensated: float | None,
    recovered: float | None = None,
    proof: str = "proven",
) -> Row:
    return Row(
        method=method,
        amount=pruned / 200,
        pruned=pruned,
        channels=200 - pruned,
        metric=metric,
        metric_compensated=compensated,
        metric_recovered=recovered,
        parameters=12_345 - pruned,
        macs=2_000_000,
        times_ms={"eager": 4.0},
        speedups={"eager": Ratio(2.0, 1.9, 2.1)} if pruned else {},
        seconds=1.0,
        proof=proof if pruned else "",
    )


def curve(points: dict[int, tuple[float | None, float | None, float | None]], unit="dB") -> Curve:
    """Points with the compensated values of Taylor, hybrid and ours; None: the row is missing."""
    made = Curve(row("dense", 0, 31.0, 31.0), "psnr", unit, {})
    for count, values in points.items():
        for role, value in zip((TAYLOR, HYBRID, OURS), values, strict=True):
            if value is not None:
                recovered = value + 0.5 if role == OURS else None
                made = made.with_row(role, row(role, count, value - 2.0, value, recovered))
    return made


def test_they_tie_where_they_do_and_nowhere_else():
    made = curve({72: (30.0, 30.05, 30.1), 100: (29.0, 28.0, 29.5), 150: (27.0, 27.2, 27.1)})
    assert made.tied == (72,)
    said = ties(made)
    assert said.startswith("All methods tie at 36 % pruned (compensated, within 0.1 dB)")
    assert "elsewhere 0.20 to 1.50 dB" in said
    assert "50 %" not in said


def test_they_tie_nowhere():
    said = ties(curve({72: (30.0, 29.8, 30.1), 100: (29.0, 28.0, 29.5)}))
    assert said.startswith("Nowhere do all methods tie (compensated, within 0.1 dB): 0.30 to 1.50 ")


def test_they_tie_everywhere():
    made = curve({100: (29.0, 29.0, 29.0), 72: (30.0, 29.95, 29.99), 20: (31, 31, 31)})
    assert ties(made) == (
        "All methods tie at 10 %, 36 % and 50 % pruned: compensated, within 0.1 dB."
    )


@pytest.mark.parametrize("gap", [0.1, 0.1 - 1e-12, 0.1 + 1e-12])
def test_what_is_a_tenth_apart_ties(gap):
    assert curve({100: (30.0 - gap, 30.0, 30.0)}).tied == (100,)


def test_just_above_a_tenth_does_not():
    assert curve({100: (30.0 - 0.101, 30.0, 30.0)}).tied == ()


@pytest.mark.parametrize("missing", range(3))
def test_a_point_without_all_methods_is_not_compared(missing):
    values: list[float | None] = [29.0, 29.0, 29.0]
    values[missing] = None
    made = curve({100: tuple(values)})
    assert made.spread(100) is None
    assert made.tied == ()
    assert ties(made) == ""


def test_the_lead_is_told_with_its_sign():
    made = curve({72: (30.0, 29.0, 30.25), 100: (29.0, 28.0, 28.5), 150: (27.0, 27.0, None)})
    assert lead(made) == (
        "Ours beside greedy Taylor compensated, in dB: compensated +0.25 at 36 %, -0.50 at 50 %; "
        "recovered +0.75 at 36 %, +0.00 at 50 %."
    )
    assert lead(curve({150: (27.0, 27.0, None)})) == ""
    assert ", in " not in lead(curve({150: (27.0, 27.0, 27.0)}, unit=""))


def test_points_of_one_name_are_told_apart():
    made = curve({72: (1, 1, 1), 73: (1, 1, 1)})
    assert [made.label(count) for count in made.counts] == ["36 %", "36.5 %"]
    assert [curve({72: (1, 1, 1)}).label(k) for k in (0, 72)] == ["0 %", "36 %"]


def test_every_line_has_its_numbers():
    made = curve({100: (29.0, 28.0, 29.5), 72: (30.0, None, 30.25)})
    head, *lines = pivot(made).splitlines()
    cells = [re.split(r"\s{2,}", line.strip()) for line in lines]
    assert [re.split(r"\s{2,}", head)[2:]] == [[line.name for line in LINES]]
    assert cells == [
        ["36 %", "64 %", "28.00", "30.00", "–", "30.25", "30.75"],
        ["50 %", "50 %", "27.00", "29.00", "28.00", "29.50", "30.00"],
    ]


def test_rows_that_come_one_by_one_stand_under_each_other():
    made = curve({72: (30.0, 9.0, 30.25), 100: (29.0, 28.0, 29.5)})
    longest = len(called(OURS, "residual"))
    printer = Printer("dB", longest)
    slow = row("hybrid", 100, 3.0, 9.5, proof="gap = 23.8 %")
    lines = [
        *printer.head(made).splitlines(),
        printer.line(made, TAYLOR, made.rows[72][TAYLOR]),
        printer.line(made, HYBRID, slow),
        printer.line(made, OURS, row("residual", 100, 27.5, 29.5, 30.0)),
    ]
    cells = [re.split(r"\s{2,}", line.strip()) for line in lines]
    assert len({len(line) for line in lines}) == 1
    assert {len(line) for line in cells} == {11}
    assert cells[1][:6] == ["0 %", "dense", "200", "12 345", "2.0 M", "4.00 ms"]
    assert cells[2][:6] == ["36 %", "greedy Taylor", "128 (-72)", "12 273", "2.0 M", "2.00x"]
    assert cells[3][6:10] == ["3.000", "9.500", "–", "gap = 23.8 %"]
    assert cells[4][1] == "ours (residual)"
    assert cells[4][6:10] == ["27.500", "29.500", "30.000", "proven"]


def test_no_difference_in_time_is_no_factor():
    same = row("taylor", 100, 1.0, 1.0)
    same = Row(**{**vars(same), "speedups": {"eager": Ratio(1.02, 0.95, 1.1)}})
    made = curve({100: (1.0, 1.0, 1.0)})
    assert " as dense " in Printer("", 15).line(made, TAYLOR, same)


def test_as_data():
    made = curve({100: (29.0, 28.0, 29.5), 72: (30.0, 30.0, 30.0)})
    told = json.loads(json.dumps(made.to_json()))
    assert [point["pruned"] for point in told["points"]] == [72, 100]
    assert told["ties"] == {"within": 0.1, "pruned": [72]}
    assert told["points"][1]["rows"]["ours"]["psnr_recovered"] == 30.0
    assert told["points"][1]["lines"]["greedy Taylor, masked"] == 27.0
    rows = list(csv.DictReader(io.StringIO(csv_of(made))))
    assert [r["role"] for r in rows] == ["dense", *2 * ["taylor", "hybrid", "ours"]]
    assert [r["psnr_recovered"] for r in rows] == ["", "", "", "30.5", "", "", "30.0"]
    assert {r["pruned"] for r in rows[1:]} == {"72", "100"}


def _luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("page", ["#ffffff", "#0d1117"])
def test_every_colour_is_seen_on_a_light_and_on_a_dark_page(page):
    for colour in (INK, *(colour for colour, _, _ in STYLES.values())):
        low, high = sorted((_luminance(colour), _luminance(page)))
        assert (high + 0.05) / (low + 0.05) >= 3.0, colour


def test_lines_differ_in_more_than_colour():
    assert list(STYLES) == [line.name for line in LINES]
    for part in (0, 2):
        assert len({style[part] for style in STYLES.values()}) == len(STYLES)


def test_the_picture_has_the_lines_of_the_table(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **how: drawn.append(self))
    made = curve({100: (29.0, 28.0, 29.5), 72: (30.0, None, 30.25)})
    draw_curve(made, "title", tmp_path / "a.png")
    (axes,) = drawn[0].axes
    lines = {line.get_label(): line for line in axes.lines if line.get_label()[0] != "_"}
    assert list(lines) == [line.name for line in LINES]
    assert lines["ours, recovered"].get_xydata().tolist() == [[64.0, 30.75], [50.0, 30.0]]
    assert lines["hybrid, compensated"].get_xydata().tolist() == [[50.0, 28.0]]
    assert axes.xaxis_inverted()
    assert axes.get_ylabel() == "psnr (dB)"


def test_the_picture_is_the_same_each_time(tmp_path):
    made = curve({100: (29.0, 28.0, 29.5)})
    for name in "ab":
        draw_curve(made, "title", tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_folder_holds_all(tmp_path):
    made = curve({100: (29.0, 28.0, 29.5)})
    saved = save_curve(made, made.to_json(), tmp_path / "new", "title")
    assert (saved.path, saved.error) == (tmp_path / "new", None)
    assert sorted(path.name for path in saved.path.iterdir()) == [
        "curve.csv", "curve.png", "curve.svg", "result.json",
    ]  # fmt: skip
    assert (saved.path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((saved.path / "result.json").read_text()) == made.to_json()
    again = save_curve(made, made.to_json(), tmp_path / "new", "title")
    assert again.path.name == "new-rescued-1"
    assert isinstance(again.error, FileError)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "new-rescued-1"]


def test_a_picture_that_cannot_be_drawn_costs_the_pictures_alone(tmp_path, monkeypatch, caplog):
    from secateur.report.curve import folder

    def fails(_, title, *paths):
        paths[0].touch()
        raise ModuleNotFoundError("no matplotlib", name="matplotlib")

    monkeypatch.setattr(folder, "draw_curve", fails)
    made = curve({100: (29.0, 28.0, 29.5)})
    saved = save_curve(made, {}, tmp_path / "new", "title")
    assert sorted(path.name for path in saved.path.iterdir()) == ["curve.csv", "result.json"]
    assert "secateur[figures]" in caplog.text


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    """Ctrl-C while the last file is written."""
    from secateur.report.curve import folder

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder.Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_curve(curve({100: (29.0, 28.0, 29.5)}), {}, tmp_path / "new", "title")
    assert list(tmp_path.iterdir()) == []
