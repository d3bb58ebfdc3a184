"""What LangChain's standard suites find that a private model does not do, in one place."""

NO_V3 = (
    "private(model) is a Runnable around the model without a v3 stream of its own; a private graph "
    "has one"
)
