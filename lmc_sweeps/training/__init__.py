"""Training of stacks of networks: the loop, the optimizers."""
