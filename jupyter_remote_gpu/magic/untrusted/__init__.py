"""What a machine that is not trusted may show, ask and open here.

`gate` stands between its journal and everything else; `bundle` looks at what
is displayed (with `html`, `css`, `markdown`, `tex`, `images`, `plots`),
`comms` and `widget_state` at widgets, `failure` at how a run ended. The rules
and their reasons are in `docs/design/trust.md`.
"""
