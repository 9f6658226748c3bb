"""The conformance kit: played in memory against a server of ours, and against servers that do wrong."""
