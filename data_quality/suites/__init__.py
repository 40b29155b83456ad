"""Great Expectations suites, built by functions, without a shared context."""
