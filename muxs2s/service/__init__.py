"""The running server: which stream, which queue, which host; when to dial, to rest, to give up."""
