"""Why a domain can or cannot be reached."""
