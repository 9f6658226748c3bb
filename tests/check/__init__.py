"""Whether everything is as a server needs it."""
