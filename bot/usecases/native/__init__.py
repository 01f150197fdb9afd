"""What the native API does: for one account, by the ids that APIs show; what is somebody else's is not there."""
