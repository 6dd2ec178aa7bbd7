"""Her face: attributes now; generator, animation and live rendering are to come."""
