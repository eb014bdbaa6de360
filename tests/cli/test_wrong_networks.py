"""A network, its task and its budgets, called otherwise than they are."""

from __future__ import annotations

import pytest

from tests.cli.calling import OWN, wrong


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_python_file_is_a_network_or_a_task(capsys):
    assert "did you mean --network mine:NAME? " in wrong(capsys, ["prune", "./mine.py"])
    assert "did you mean --task mine:NAME? " in wrong(
        capsys, ["prune", "--network", "a:b", "mine.py"]
    )


@pytest.mark.parametrize("flag", ["--budget", "--minimum", "--maximum"])
def test_what_has_no_key_is_shown_with_one_of_its_own(capsys, flag):
    err = wrong(capsys, ["prune", *OWN, "--amount", "3", flag, "50%"], code=1)
    assert f"{flag} is '50%'\n  Mend: write {flag} key=value: {flag} " in err
    assert "reads" not in err


def test_that_nobody_named_the_task_is_told_where_its_images_fail(capsys):
    pytest.importorskip("skimage")
    err = wrong(capsys, ["prune", *OWN[:2], "--amount", "3", "--objective", "l1"], code=1)
    assert err.startswith("DataError: the network fails on an input of shape")
    assert "Mend: no --task is given, so it was run on images of the task denoising" in err
