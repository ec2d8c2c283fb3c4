"""The HTTP front end of the model."""
