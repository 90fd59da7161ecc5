"""Raw clients: they send any bytes, and read strictly what comes back. No parser is shared with a server."""
