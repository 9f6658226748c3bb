"""Sockets, TLS and DNS: moves bytes for streams and gathers what proofs ask for; judges nothing itself."""
