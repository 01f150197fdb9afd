"""What only the console does: signing in, and what its pages show at a glance."""
