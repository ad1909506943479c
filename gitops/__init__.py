"""Desired state: from a request for a model to a reviewable overlay and its pull request."""
