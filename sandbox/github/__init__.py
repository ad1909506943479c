"""A loopback GitHub: the REST API over a real bare Git repository."""
