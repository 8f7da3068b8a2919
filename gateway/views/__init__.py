"""The endpoints, a module for each group: from a request to the parts that know, and back."""
