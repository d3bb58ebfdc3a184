"""A test kit: run a private app against recording servers, and see what each channel held.

The names are imported when they are first used: pytest loads the fixture's module at every start.
"""
