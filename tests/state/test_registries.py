"""Classes that hold classes built on them: registries, tables of kinds."""

from __future__ import annotations

import pytest

from tests.state.hosts import OtherProcess
from tests.state.notebook import Coherent

SHAPES = """
class Shape:
    registry = {}
    def __init_subclass__(cls, **more):
        super().__init_subclass__(**more)
        Shape.registry[cls.__name__] = cls
class Circle(Shape):
    side = 0
class Square(Shape):
    def __init__(self, side):
        self.side = side
"""
GROW = """
class Line(Shape):
    pass
Shape.registry['Square'].side = 5
Shape.other = Circle
Circle.friend = Square(2)
"""
LOOK = """
print(sorted(Shape.registry), [Shape.registry[c.__name__] is c for c in (Circle, Square)],
    Square.side, Shape.other is Circle, type(Circle.friend) is Square, Circle.friend.side,
    Shape.registry['Line'].__mro__[1] is Shape)
"""
SHOWN = "['Circle', 'Line', 'Square'] [True, True] 5 True True 2 True\n"


@pytest.mark.parametrize("defined_there", [False, True])
@pytest.mark.parametrize("grown_there", [False, True])
def test_a_class_may_hold_its_subclasses(defined_there: bool, grown_there: bool) -> None:
    host = OtherProcess()
    try:
        notebook = Coherent(host)
        assert notebook.cell(SHAPES, remote=defined_there) == ("", "")
        assert notebook.cell(GROW, remote=grown_there) == ("", "")
        for there in (not grown_there, grown_there):
            assert notebook.cell(LOOK, remote=there) == (SHOWN, "")
    finally:
        host.close()
