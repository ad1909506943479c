"""Loopback Slack, GitHub, Kubernetes and engine servers, for the demo and the tests."""
