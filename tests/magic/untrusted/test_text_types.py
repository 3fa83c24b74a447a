"""Markdown and TeX of a machine that is not trusted."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.magic.untrusted import markdown, tex

ORDINARY = [
    "# Title\n\nSome *text*, `code`, **bold** and a [link](https://x.example/a?b=1#c).",
    '[titled](https://x.example "Title") and [reference][r]\n\n[r]: https://x.example/',
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "![dot](data:image/png;base64,iVBORw0KGgo=)",
    r"$\frac{1}{2} \text{ and } \begin{matrix}a\\b\end{matrix}$",
    "1 < 2 and a<5, x <- y",
    "- [ ] task\n- [x] done",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_markdown_stays_as_it_is(text: str) -> None:
    assert markdown.harmless(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "<script>1</script>",
        "<img src=x onerror=1>",
        "<!-- x -->",
        "</div>",
        "<javascript:alert(1)>",
        "![<img src=x onerror=1>](data:image/png;base64,aaaa)",
    ],
)
def test_html_shows_as_text(text: str) -> None:
    found = markdown.harmless(text)
    assert "<\u200b" in found
    assert found.replace("\u200b", "") == text


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))",
        "[x](  javascript:alert(1))",
        "[x](<javascript:alert(1)>)",
        "[x](java&#115;cript:alert(1))",
        "[x](/lab?reset)",
        "[x](data:text/html,x)",
        "[x](data:image/svg+xml,<svg/onload=1>)",
        "[x](https://a.example\\)",
        "[r]: javascript:alert(1)",
        "[r]:\n javascript:alert(1)",
        "[r]: <javascript:alert(1)>",
    ],
)
def test_a_link_elsewhere_than_to_the_web_is_broken_up(text: str) -> None:
    found = markdown.harmless(text)
    assert "](" not in found
    assert "]:" not in found


def test_a_far_picture_becomes_a_link() -> None:
    assert markdown.harmless("![x](https://e.example/b.png)") == "[x](https://e.example/b.png)"


def test_what_stands_for_held_pictures_cannot_be_forged() -> None:
    assert markdown.harmless("\ue0000\ue001 \ue000999\ue001") == "0 999"


@pytest.mark.parametrize("command", ["href", "def", "newcommand", "require", "htmlData", "csname"])
@pytest.mark.parametrize("slashes", ["\\", "\\\\", "\\\\\\\\"])
def test_commands_that_do_more_than_typeset_lose_every_backslash(
    command: str, slashes: str
) -> None:
    found = tex.typesetting_only(f"$a{slashes}{command}{{x}}$")
    assert found == f"$a{command}{{x}}$"


def test_commands_that_only_begin_alike_stay() -> None:
    text = r"\definecolor \urlstyle \letter \hrefx \frac12 \\ \alpha"
    assert tex.typesetting_only(text) == text
