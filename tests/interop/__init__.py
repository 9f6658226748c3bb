"""
Tests against real servers, started here as child processes on loopback addresses.

Each case has its own name server, certificate authority, server, muxs2s and clients, and takes
whatever ports are free. The server needs neither root nor port 53. A case whose server is not
installed is skipped; with ``MUXS2S_REQUIRE_SERVERS=1`` in the environment it fails.
"""
