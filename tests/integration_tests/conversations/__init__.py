"""Random conversations with a private agent, and a search of every place after each step.

`machine.py` is the Hypothesis state machine: its rules are what persons, models, tools, processes
and operators do. `values.py` makes what is private, `speech.py` says how it is marked in a text so
that everybody's copy of it can be compared, `model.py` is the model server and its plan of a turn,
`tools.py` and `process.py` are the app, `house.py` is everything that keeps or sends something, and
`reading.py` is the person who reads.
"""
