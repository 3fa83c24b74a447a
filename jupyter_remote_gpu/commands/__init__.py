"""What one can ask for, one function a verb: data in, data out; nothing here prints or asks.

The magics and the terminal call these and show what comes back in their own way.
"""
