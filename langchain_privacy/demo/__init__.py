"""The main job on bundled documents, with everything that crosses shown.

`show` does it on the command line, with the `models` that are there or with a stand-in for the
remote one, and prints what each side saw; `web` shows it and other scenarios on a page.
"""
