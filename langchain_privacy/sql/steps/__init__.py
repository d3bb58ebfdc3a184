"""The four steps of a private SQL graph, sync and async.

Bodies that touch real values raise only errors of this package, without cause: an exception of a
node is recorded by LangChain's tracers and by checkpoints.
"""
