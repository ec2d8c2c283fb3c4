"""`mega listen`: runs listeners in child processes, and supervises them.

    command.py        the options; reload_options.py and log_options.py are those of two parts
    supervisor/       every decision: which process to start, replace, stop or kill; no processes,
                      no signals, no clock
    parent.py         runs the commands of the supervisor, in the process of the command
    signals.py        the signals to the parent, as events of its loop
    child.py          a child process, as the parent sees it
    messages.py       the messages between parent and child
    worker.py         the program of a child process, which loads the target
    stacks.py         the stacks of a child, for SIGUSR1; memory.py is its memory
    snapshot.py       the state of all processes, for the health server
    health.py         the responses of the health server, which is in health_server.py
    source_watcher.py the changes of source files, for --reload; source_polling.py says when to look
    logs.py           the configuration of the logs
    cpus.py           the number of CPUs, for --processes auto

The parent never imports the target, nor anything that a listener needs. It stays small, and a
target that fails to import cannot harm it.
"""
