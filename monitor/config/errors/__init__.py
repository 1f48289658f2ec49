"""What is wrong with a configuration, in its author's words."""
