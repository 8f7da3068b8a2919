"""Anthropic's Messages: what a client asks becomes a body of chat completions, events become what it reads."""
