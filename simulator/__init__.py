"""A Kimi of our own: all three dialects on one port, as truthful or as nasty as a test wants it.

It imports nothing of the gateway, so that what it says about the wire is a second opinion.
"""
