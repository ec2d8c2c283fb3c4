"""`mega listen`: runs listeners in child processes, and supervises them.

    command.py        the options, and the environment variables
    supervisor/       every decision: which process to start, replace, stop or kill; no processes,
                      no signals, no clock
    parent.py         runs the commands of the supervisor, in the process of the command
    child.py          the start of a child process; worker.py is its program, and loads the target
    messages.py       the messages between parent and child
    snapshot.py       the state of all processes, for the health server
    source_watcher.py the changes of source files, for --reload
    health.py         the health server
    logs.py           the configuration of the logs

The parent never imports the target, nor anything that a listener needs. It stays small, and a
target that fails to import cannot harm it.
"""
