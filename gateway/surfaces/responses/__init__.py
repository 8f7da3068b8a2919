"""OpenAI's Responses: a request becomes a body of chat completions, and the events of an answer become typed items."""
