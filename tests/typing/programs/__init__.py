"""Programs of users, for type checkers. They also run: `test_type_checkers.py` imports them.

`assert_type` states the expected type. A line with an expected error has two comments, one for each
type checker. Both report a comment on a line without that error.
"""
