"""A loopback Slack: Web API, streams, slash commands and response URLs over state in memory."""
