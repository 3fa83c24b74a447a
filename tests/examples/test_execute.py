"""The command that refreshes stored outputs."""

from __future__ import annotations

import pytest

from examples.execute import main


def test_a_wrong_name_is_answered_with_the_names_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["quickstrat"]) == 2
    assert capsys.readouterr().err == (
        "There is no example 'quickstrat'; there are: digits, quickstart.\n"
    )
