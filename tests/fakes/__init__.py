"""Far ends that are played on 127.0.0.1, so that nothing of ours has to be replaced in a test."""
