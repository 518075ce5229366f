"""What knows nothing of networks: checks, seeds, files, devices, threads, limits."""
