"""The state of PRI spans as gateways and PBXs tell it: by SNMP and by Asterisk's AMI."""
