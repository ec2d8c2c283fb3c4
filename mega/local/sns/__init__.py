"""SNS in memory."""
