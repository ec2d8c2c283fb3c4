"""Mutation tests: deliberate defects in the package, which the tests must find."""
