"""What the world starts: merges, rollouts and restarts, from observation to thread."""
