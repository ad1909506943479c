"""The running conversation: what people ask in Slack, and what the cluster shows."""
