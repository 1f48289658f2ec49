"""The daemon as a service: composition, sd_notify(3), heartbeat."""
