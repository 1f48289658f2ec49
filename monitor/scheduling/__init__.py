"""What is looked at when."""
