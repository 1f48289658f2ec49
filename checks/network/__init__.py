"""The network's own services: uplink, names, certificates, mail."""
