"""`%%remote_gpu` and `%remote_gpu`: parse, call the session, show.

`extension` is what `%load_ext` loads; `magics` holds the two magics, `verbs`
what each verb does, `hook` sees to local cells, `notebook` and `terminal`
show outputs, `comm_relay` carries widgets.
"""
