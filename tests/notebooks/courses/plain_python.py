# %% [markdown]
# # Python itself

# %%
from __future__ import annotations

import collections
import functools
import itertools
import json
import re
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from pathlib import Path


class Colour(Enum):
    RED = auto()
    GREEN = auto()


@dataclass(order=True)
class Card:
    rank: int
    suit: str = field(compare=False)
    tags: list = field(default_factory=list)


card = Card(3, "hearts")
card, Colour.RED

# %%
same = card
same.tags.append(Colour.GREEN)
print(card, card == Card(3, "spades", [Colour.GREEN]), card < Card(4, "x"))

# %%
other = replace(card, rank=9)
print(other.tags is card.tags, sorted([other, card])[0] is card)

# %%
def counter():
    count = 0

    def up(by=1):
        nonlocal count
        count += by
        return count

    def read():
        return count

    return up, read


up, read = counter()
up(), up(5), read()

# %%
up()
read()

# %%
def squares(n):
    for i in range(n):
        yield i * i


list(squares(6)), sum(squares(10)), list(zip(squares(3), "abc"))

# %%
calls = []


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        calls.append(function.__name__)
        return function(*args, **kwargs)

    return wrapper


@logged
def area(width, height=2):
    """Width times height."""
    return width * height


area(3), area(2, height=5), calls, area.__doc__

# %%
area(1)
print(calls, area.__wrapped__.__defaults__)

# %%
@functools.lru_cache(maxsize=None)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


fibonacci(60)

# %%
class Shape:
    registry = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        Shape.registry[cls.__name__] = cls

    def __repr__(self):
        return f"<{type(self).__name__} {self.area():.2f}>"


class Circle(Shape):
    def __init__(self, r):
        self.r = r

    def area(self):
        return 3.14159 * self.r**2


class Square(Shape):
    __slots__ = ("side",)

    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side**2

    @property
    def diagonal(self):
        return self.side * 2**0.5


shapes = [Circle(1), Square(2)]
shapes, sorted(Shape.registry)

# %%
shapes.append(Shape.registry["Square"](3))
max(shapes, key=lambda s: s.area()), type(shapes[-1]) is Square, round(shapes[1].diagonal, 3)

# %%
class Account:
    def __init__(self, balance=0):
        self.balance = balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise Overdrawn(self, amount)
        self.balance -= amount
        return self


class Overdrawn(Exception):
    def __init__(self, account, amount):
        super().__init__(f"{amount} is more than {account.balance}")
        self.account = account


account = Account(10)
account.withdraw(4).withdraw(3).balance

# %%
try:
    account.withdraw(50)
except Overdrawn as error:
    caught = error
    print(error, error.account is account)
finally:
    print("done")

# %%
print(caught.account is account, repr(caught))
account.withdraw(4)

# %%
text = "The 12 quick foxes, 7 lazy dogs and 3.5 cats"
pattern = re.compile(r"(\d+(?:\.\d+)?) (?:\w+ )?(\w+)")
pattern.findall(text)

# %%
match = pattern.search(text)
match.group(2), match.span(), pattern.sub(r"\2 (\1)", text)

# %%
words = text.lower().split()
count = collections.Counter("".join(words))
groups = collections.defaultdict(list)
for word in words:
    groups[len(word)].append(word)
count.most_common(3), dict(groups)

# %%
groups[99]
queue = collections.deque(range(5), maxlen=5)
queue.append(99)
queue.rotate(2)
queue, 99 in groups, list(itertools.combinations("abc", 2))

# %%
folder = Path("out")
folder.mkdir(exist_ok=True)
path = folder / "data.json"
path.write_text(json.dumps({"words": words, "n": len(words)}, indent=1))
sorted(p.name for p in folder.iterdir())

# %%
with path.open() as handle:
    loaded = json.load(handle)
print(loaded["n"], handle.closed)
loaded == {"words": words, "n": len(words)}

# %%
Point = collections.namedtuple("Point", "x y")
p = Point(1, 2)
pairs = {p: "p", Point(3, 4): "q"}
match p:
    case Point(x=1, y=b):
        print("one and", b)
pairs[Point(3, 4)], p._replace(y=5)

# %%
[a for b in [[1, 2], [3]] for a in b], {k: v for k, v in zip("ab", itertools.count())}

# %%
add = functools.partial(int.__add__, 5)
compose = lambda *fs: functools.reduce(lambda f, g: lambda v: f(g(v)), fs)
compose(add, abs, lambda v: v - 10)(3), b
