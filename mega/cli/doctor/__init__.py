"""`mega doctor`: checks of a queue, and of all that a listener on it depends on.

- `command`: the command.
- `examination`: the checks in their order, and how a check that AWS refuses becomes a finding.
- `setup`: the queue, and what earlier checks found out about it.
- `access`: identity, clock, queue and permissions.
- `settings`: the settings of the listener, as the listener checks them when it starts.
- `dead_letters`, `subscriptions`, `keys`, `offloaded_bodies`, `lambda_functions`: the resources
  beside the queue.
- `installation`: the packages of this Python, and the transport.

A check is a function of the `Setup` that yields findings. It receives and changes nothing.
"""
