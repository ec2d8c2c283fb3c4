"""A small shop, and the tests of its subscribers: `python -m pytest examples/testing`."""
