"""The applications that are measured: the same work, written for the interface and for its peers."""
