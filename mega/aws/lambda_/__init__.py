"""AWS Lambda: the events with which it delivers messages."""
