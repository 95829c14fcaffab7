"""Dense classification networks: what may be set, how they are trained, what is saved of them."""
