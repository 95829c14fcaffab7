"""What can be trained: dense networks, and whatever a user brings."""
