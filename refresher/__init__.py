"""The process that keeps every account's access token fresh."""
