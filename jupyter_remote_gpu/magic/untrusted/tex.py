"""TeX that only typesets: commands that link, style or define are left without their backslash.

MathJax and KaTeX look for formulas in HTML and Markdown too. A definition
there would hold for the whole page, and `\\href` makes a link of anything.
"""

from __future__ import annotations

import re

_COMMANDS = """
    DeclareMathOperator DeclarePairedDelimiter DeclarePairedDelimiters Newextarrow bbox catcode
    class csname cssId data def edef futurelet gdef global href html htmlClass htmlData htmlId
    htmlStyle include includegraphics input let mmlToken newcommand newenvironment newtagform
    providecommand renewcommand renewenvironment renewtagform require style texttip unicode url
    usetagform write xdef
    """.split()
# All backslashes before the word: taken singly, `\\href` would turn into `\href`.
_COMMAND = re.compile(rf"\\+(?=(?:{'|'.join(_COMMANDS)})(?![A-Za-z]))")


def typesetting_only(text: str) -> str:
    """Return a text in which such commands stand as plain words."""
    return _COMMAND.sub("", text) if "\\" in text else text
