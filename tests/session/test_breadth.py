"""How many connections a move gets: as many as were measured to bring something."""

from __future__ import annotations

from jupyter_remote_gpu.session.breadth import CHANNEL_BYTES, Breadth

MB = 1e6
LONG_RTT = 0.08
SHORT_RTT = 0.0005
LOGIN = 1.3


def test_a_small_move_stays_on_one_line() -> None:
    assert Breadth(8).wanted(1, 10 * MB, LONG_RTT, LOGIN) == 1


def test_a_long_path_gets_several_at_once_as_one_channel_cannot_fill_it() -> None:
    assert Breadth(8).wanted(1, 160 * MB, LONG_RTT, LOGIN) == 4


def test_on_a_short_path_one_line_is_measured_first() -> None:
    breadth = Breadth(8)
    assert breadth.wanted(1, 1000 * MB, SHORT_RTT, 0.3) == 1
    breadth.note(1, 300 * MB)
    assert breadth.wanted(1, 900 * MB, SHORT_RTT, 0.3) == 2


def test_their_number_grows_while_that_pays() -> None:
    breadth = Breadth(8)
    breadth.note(1, 23 * MB)
    breadth.note(4, 85 * MB)
    assert breadth.wanted(4, 900 * MB, LONG_RTT, LOGIN) == 8
    breadth.note(8, 90 * MB)
    assert breadth.wanted(1, 900 * MB, LONG_RTT, LOGIN) == 4


def test_a_full_line_keeps_one() -> None:
    breadth = Breadth(8)
    breadth.note(1, 11.9 * MB)
    assert breadth.wanted(1, 900 * MB, 0.02, LOGIN) == 2
    breadth.note(2, 12 * MB)
    assert breadth.wanted(1, 900 * MB, 0.02, LOGIN) == 1


def test_another_path_is_measured_anew() -> None:
    breadth = Breadth(8)
    breadth.note(1, 11.9 * MB)
    breadth.note(2, 12 * MB)
    breadth.note(1, 80 * MB)  # the user came home from the train
    assert breadth.wanted(1, 900 * MB, 0.02, LOGIN) == 4


def test_a_server_that_refuses_is_not_asked_again() -> None:
    breadth = Breadth(8)
    breadth.refused(2)
    assert breadth.wanted(1, 900 * MB, LONG_RTT, LOGIN) == 2


def test_a_machine_without_a_path_between_never_gets_more() -> None:
    breadth = Breadth(1)
    breadth.note(1, 400 * MB)
    assert breadth.wanted(1, 9000 * MB, SHORT_RTT, 0.01) == 1


def test_what_a_channel_keeps_under_way_is_what_openssh_does() -> None:
    assert CHANNEL_BYTES == 64 * 32 * 1024
