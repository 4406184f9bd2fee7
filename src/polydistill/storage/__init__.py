"""What is written stays: whole files, locks, manifests, the store of paid results."""
