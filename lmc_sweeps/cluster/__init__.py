"""Jobs of a sweep as tasks of Slurm or of processes: the launcher, the shares of the tasks, the waiting."""
