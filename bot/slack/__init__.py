"""The edge to Slack: what arrives, what is said, and how it looks."""
