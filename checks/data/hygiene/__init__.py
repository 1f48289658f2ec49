"""How long records are kept, and that nothing is removed before it is safe elsewhere."""
