"""Values as plain data: the way back from a machine that is not trusted.

Nothing in here loads a pickle, and nothing calls what the other side names:
`encoder` takes values apart, `decoder` puts them together by a fixed table.
"""
