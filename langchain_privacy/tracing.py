"""LangSmith and OpenTelemetry: what masked state cannot reach."""
