"""Many domains on one stream, each proven by its certificate: what both ends say, and keep."""
