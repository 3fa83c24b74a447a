"""NumPy arrays that share memory: views, strides, structures, generators."""

from __future__ import annotations

from .family import Family, kind, lines

ARRAYS = Family(
    "arrays",
    """\
import numpy as np
np.random.seed(0)
np.set_printoptions(precision=8)
np.seterr(all='warn')
""",
    {
        "arr": kind(
            "ndarray matrix recarray memmap",
            "(@.tolist(), @.dtype.str, @.shape, @.flags.writeable, type(@).__name__)",
        ),
        "masked": kind(
            "MaskedArray", "(@.tolist(), @.mask.tolist(), @.fill_value.item(), @.hardmask)"
        ),
        "scalar": kind("float64 int64 float32", "(@.item(), type(@).__name__)"),
        "rng": kind("Generator", "@.integers(0, 99, 2).tolist()"),
        "old": kind("RandomState", "@.randint(0, 99, 2).tolist()"),
    },
    lines("""
        $=arr = np.arange(4. + $n)
        $=arr = np.random.rand(3)
        np.random.seed($n)
        $=arr = $arr[1:3]
        $=arr = $arr.reshape(-1)[::-1]
        $=arr = $arr * 2
        $=arr = $arr.reshape(-1, 1)
        $arr[0] = $n
        $arr *= 2
        $arr[...] += 1
        $=obj = P([$arr])
        $list.append($arr.sum().item())
        $=dict = {'k': $arr, 's': $arr.sum().item()}
    """),
)

MORE_ARRAYS = Family(
    "more arrays",
    "",
    {},
    lines("""
        $=arr = np.arange(12.).reshape(3, 4)
        $=arr = $arr.T
        $=arr = $arr[::2]
        $=arr = $arr[..., 0]
        $=arr = $arr.ravel()
        $=arr = $arr.copy()
        $=arr = $arr
        $=arr = np.broadcast_to($arr, (2, *$arr.shape))
        $=arr = $arr.view()
        $=arr = $arr.astype('f4')
        $=arr = $arr.astype('i8')
        $=arr = $arr > $n
        $=arr = $arr.view('u1')
        $=arr = np.zeros($n)
        $=arr = np.array($n)
        $=arr = np.asfortranarray($arr)
        $=arr = np.concatenate([$arr, $arr2])
        $=arr = np.array([[1, 2], [3, $n]], dtype=[('a', 'i4'), ('b', 'f8')])
        $=arr = $arr['a']
        $arr['b'] = $n
        $=arr = np.array([$list, None, $n], dtype=object)
        $=arr = np.array(['a', 'bc$n'])
        $=arr = np.array(['2020-01-0$n'], dtype='M8[D]')
        $arr[0] = $list
        $arr.flags.writeable = False
        $arr[:] = $arr[::-1]
        $arr.sort()
        $arr.fill($n)
        $arr.shape = (-1,)
        np.add($arr, 1, out=$arr)
        $arr += $arr2
        $arr2[...] = $arr
        $arr[$arr > 2] = 0
        $arr[[0, -1]] = $n
        print('share', np.shares_memory($arr, $arr2))
        print('sum', float($arr.sum()), $arr.strides)
        print(np.array([1 / 3, 2.5e-8]))
        np.set_printoptions(precision=$n % 5 + 1)
        np.seterr(all='ignore' if $n % 2 else 'warn')
        print('err', float(np.float64(1) / np.float64(0)))
        $=masked = np.ma.masked_greater($arr.ravel().astype('f8'), $n)
        $=masked = $masked[1:]
        $=masked = np.ma.array($arr, copy=False)
        $masked.harden_mask()
        $masked.fill_value = $n
        $=arr = np.rec.array([(1, 2.), ($n, 3.)], names='a,b')
        print('type', type($arr).__name__)
        $masked[0] = np.ma.masked
        $masked += 1
        $=arr = $masked.data
        $=scalar = $arr.sum()
        $=scalar = np.float32($n)
        $=scalar = $scalar + 1
        $=rng = np.random.default_rng($n)
        $=rng = $rng
        $=arr = $rng.normal(size=3).round(6)
        print('rng', $rng.integers(0, 9))
        $rng.shuffle($arr)
        $=old = np.random.RandomState($n)
        print('old', $old.randint(9))
        $=arr = np.random.permutation(4)
        $=list = [$arr, $arr[:1]]
        $=list = $arr.tolist()
        $=tup = ($arr, $arr)
        $=dict = {'x': $arr, 'y': {'z': $arr[1:]}}
        $=pt = functools.partial(np.add, $arr)
        $=pt = $arr.sum
        $=fn = lambda x: float(($arr + x).sum())
        def $=fn(x, a=$arr):;;    a[...] = x;;    return a.sum()
        $=arr = np.lib.stride_tricks.sliding_window_view($arr.ravel(), 2)
        $=arr = np.lib.stride_tricks.as_strided(np.resize($arr.ravel(), 2), (3, 2), (0, 8))
        for row in $arr: row *= 2
        $=int = int($arr.size)
        $=arr = np.frombuffer(bytearray(b'12345678'), 'u1')
        $=arr = np.matrix([[1, $n]])
    """),
    needs=("arrays",),
)
