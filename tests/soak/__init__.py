"""Commands that try a server for long or with much, each bounded and with an exit status."""
