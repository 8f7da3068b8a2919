"""The operator's page and its API. All of it needs the admin key, but the files of the page."""
