"""The `mega` command: one module per command. Start with `main`."""
