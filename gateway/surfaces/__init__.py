"""One surface a module: what a client sends becomes a chat, events become what it reads. All of it is pure."""
