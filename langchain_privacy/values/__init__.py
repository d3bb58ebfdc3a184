"""What all rooms share about values and about what carries them.

`walk` goes over everything that carries text. Nothing here knows a masker, a vault or a guard: the
rooms above give the walk their small leaf objects.
"""
