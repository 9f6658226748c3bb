"""Tests that read as sentences; all but those in ``interop`` run without a server, a port or a pause."""
