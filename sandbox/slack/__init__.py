"""A loopback Slack: Web API, modals, files, Socket Mode and HTTP delivery over state in memory."""
