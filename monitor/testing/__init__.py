"""The kit for tests, shipped: a clock moved by hand, doubles, a whole site without sockets."""
