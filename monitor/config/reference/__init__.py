"""The generated reference, schema and sample of a configuration."""
