"""Reads the JSON schemas of clients and checks values by them, in a process of its own: `python -m gateway.validator`.

What that takes nobody can tell beforehand, and nothing else of a process moves meanwhile. So each worker of the gateway
has one such process, which the kernel ends when it takes too long (`gateway.schemas` starts it and asks it). It knows
no secrets: neither its environment nor its arguments hold any, and it inherits no file that is open.
"""
