"""What knows nothing of sweeps: text for each medium, digits, secrets, streams."""
