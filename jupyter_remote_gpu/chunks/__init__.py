"""Chunks: how buffers are cut, named and compared, whatever they hold."""
