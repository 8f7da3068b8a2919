"""What `./dev` does. The standard library only: it runs before anything is installed."""
