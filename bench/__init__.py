"""The promises of the README about speed, measured: `./dev bench`.

Everything runs on this machine's loopback, each side of a measurement in a process of its own.
"""
