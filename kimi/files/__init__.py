"""Files on their way to an upstream: fetched from where the client says, kept on disk, never whole in memory."""

from kimi.files.blob import Blob

__all__ = ["Blob"]
