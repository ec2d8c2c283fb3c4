"""The listener's engine against a model of SQS, in virtual time, from a seed.

    choices.py     what chance decides: from a seed, or from a script of what was drawn before
    timeline.py    a clock that jumps from event to event
    laws.py        what must hold in every schedule
    sqs_model.py   a queue, standard or FIFO
    network.py     how long calls take, and how they fail
    plan.py        what a schedule is about: settings, messages, faults, disturbances
    work.py        what subscribers make of a message
    watch.py       looks at what one engine asks for, and holds it to the laws
    process.py     an engine in a process: does what it asks for, and tells it what came of it
    world.py       queue, network and processes of one schedule, from the first event to the last
    schedule.py    runs a schedule, minimises one that fails, and shows it
    breakages.py   bugs to find

`python -m tests.simulation --help` runs as many schedules as are wanted.
"""
