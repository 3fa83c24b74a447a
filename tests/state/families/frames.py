"""pandas: frames and series under aliases, changed in place, of many column types."""

from __future__ import annotations

from .family import Family, kind, lines

FRAMES = Family(
    "frames",
    """\
import pandas as pd
pd.reset_option('display.max_columns')
pd.reset_option('display.precision')
""",
    {
        "df": kind("DataFrame", "(@.to_csv(), [str(t) for t in @.dtypes], @.index.name)"),
        "ser": kind("Series", "(@.to_csv(), str(@.dtype), @.name)"),
        "idx": kind("Index RangeIndex DatetimeIndex", "(list(map(str, @)), @.name)"),
        "stamp": kind("Timestamp Timedelta", "str(@)"),
        "group": kind("DataFrameGroupBy", "@.size().to_csv()"),
    },
    lines("""
        $=df = pd.DataFrame({'x': [1., 2., 3.], 'y': [$n, 4, 4]})
        $=df = pd.DataFrame({'x': [1.], 'y': [1], 't': ['a$n']})
        $=df = pd.DataFrame({'x': [1, 2]}, index=pd.date_range('2020-01-0$n', periods=2))
        $=df = $df
        $=df = $df[['x']].copy()
        $=df = $df[['x']]
        $=df = $df.head(2)
        $=df = $df[$df['x'] > 1]
        $=df = $df.assign(w=lambda d: d['x'] * n)
        $=df = $df.rename(columns={'x': 'y', 'y': 'x'})
        $=df = $df.sort_values('x', ascending=False)
        $=df = $df.reset_index(drop=True)
        $=df = $df.set_index('x')
        $=df = $df.merge($df2, on='x', how='left')
        $=df = pd.concat([$df, $df2])
        $=df = $df.groupby('y', observed=True)[['x']].sum().reset_index()
        $=df = $df.T
        $=df = pd.DataFrame({'o': [$list, None], 'x': [1, 2]})
        $df['z'] = $n
        $df['c'] = pd.Categorical(['a'] * len($df))
        $df['c'] = $df['c'].cat.add_categories(['n$n'])
        $df['d'] = pd.Timestamp('2020-01-01', tz='UTC')
        $df['s'] = $df['x'].astype(str)
        $df['i'] = $df['x'].astype('Int64')
        $df['b'] = $df['x'] > 1
        $df['m'] = None
        $df.iloc[0, 0] = $n
        $df.loc[0, 'x'] = $n
        $df.loc[len($df)] = $n
        $df.drop(columns='y', inplace=True)
        $df.fillna(0, inplace=True)
        $df.sort_index(inplace=True)
        $df.index.name = 'row$n'
        $df.columns = [str(c).upper() for c in $df.columns]
        $df.attrs['k'] = $list
        print('attrs', $df.attrs)
        del $df['y']
        $df.pop('x')
        $=ser = $df['x']
        $=ser = pd.Series([1, $n], name='s')
        $=ser = pd.Series(['a', 'b$n'])
        $=ser = $ser
        $ser.iloc[0] = $n
        $ser += 1
        $df['x'] = $ser
        $=ser = $ser.map(lambda v: v if v != 2 else 7)
        $=arr = $df['x'].to_numpy().copy()
        $=idx = $df.index
        $=idx = $df.columns
        $=stamp = pd.Timestamp('2020-01-01') + pd.Timedelta(days=$n)
        $=group = $df.groupby('y', observed=True)
        print('groups', $group['x'].sum().to_dict())
        print('query', $df.query('x > @n').shape)
        print('apply', $df.apply(lambda r: str(len(r)) + str(n), axis=1).tolist())
        print($df.head(1))
        pd.set_option('display.max_columns', $n + 1)
        pd.set_option('display.precision', $n % 4 + 1)
        $=dict = {'df': $df}
        $=tup = ($df, $df['x'])
        $=fn = lambda x: len($df) + x
    """),
    needs=("arrays",),
)
