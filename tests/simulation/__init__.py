"""The listener's engine on the SQS of `mega.local`, in virtual time, from a seed.

    choices.py     random choices: from a seed, or from a script of earlier choices
    timeline.py    a clock that jumps from event to event
    laws.py        the invariants of every schedule
    decisions.py   random choices for what the documentation of SQS leaves open
    front_end.py   one queue of the model, with long polls
    tracking.py    what the simulation knows about a message, beside the model
    network.py     how long calls take, and how they fail
    plan.py        the parameters of a schedule: settings, messages, faults, disturbances
    outcomes.py    the outcomes of the subscribers of a message
    law_checker.py checks the commands and events of one engine against the laws
    process.py     a listener process: runs the commands of an engine
    world.py       queue, network and processes of one schedule, from the first event to the last
    schedule.py    runs a schedule, minimises it if it fails, and prints it
    mutations.py   deliberate bugs
    idempotency/   the same for the hook `Idempotency` and the protocol of its stores

`python -m tests.simulation --help` shows how to run any number of schedules.
"""
