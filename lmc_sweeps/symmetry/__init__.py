"""Which neurons of a network can be relabelled: graphs, how they are derived, what is applied to them, and the proof that they hold."""
