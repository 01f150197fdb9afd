"""What operators change.  Every change notes itself in the audit log, in its own transaction."""
