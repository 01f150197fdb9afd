"""Nothing to configure here: storage/migrate.py runs the steps on a connection of its own."""
