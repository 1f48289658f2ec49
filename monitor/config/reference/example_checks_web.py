"""An example of every kind of check that walks through an API or a portal to something that it
looks at.
"""

from __future__ import annotations

from monitor.config.reference.examples import Entry

WALKED: dict[str, tuple[Entry, ...]] = {
    "api": (
        Entry(
            "crm-api",
            {
                "every": "5m",
                "url": "https://crm.example.net/api/v1/",
                "secrets": {"key": {"credential": "crm"}},
                "steps": [
                    {
                        "name": "customer",
                        "url": "customers/C-1042",
                        "headers": {"Authorization": "Bearer {key}"},
                        "json_values": {"$.tier": "gold"},
                    }
                ],
            },
            remark=(
                "With a JSON Schema beside this file it is held to that: json_schema ="
                ' "customer.schema.json"'
            ),
        ),
    ),
    "webhook": (
        Entry(
            "crm-webhook",
            {
                "every": "15m",
                "url": "https://crm.example.net/api/v1/",
                "secrets": {"key": {"credential": "crm"}},
                "steps": [
                    {
                        "name": "event",
                        "url": "events",
                        "headers": {"Authorization": "Bearer {key}"},
                        "json": {
                            "kind": "call-finished",
                            "call": "{reference}",
                            "callback": "{callback}",
                        },
                        "expect_status": [202],
                    }
                ],
                "listen": "127.0.0.1:8490",
                "callback_url": "https://monitor.example.net/hooks",
                "callback": {"json_values": {"$.status": "filed"}},
            },
        ),
    ),
    "ui-config": (
        Entry(
            "agents-toolbar",
            {
                "every": "15m",
                "url": "https://agent.example.net/",
                "secrets": {"password": {"credential": "agent-portal"}},
                "steps": [
                    {
                        "name": "login",
                        "url": "/login",
                        "form": {"user": "watcher", "password": "{password}"},
                        "lands_on": "/home",
                    }
                ],
                "looks": [{"name": "toolbar", "css": "#toolbar button"}],
            },
            remark="`reveille accept agents-toolbar` takes what is shown for right.",
        ),
    ),
    "report": (
        Entry(
            "calls-report",
            {
                "at": ["06:00"],
                "url": "https://reports.example.net/",
                "secrets": {"password": {"credential": "report-portal"}},
                "steps": [
                    {
                        "name": "login",
                        "url": "/login",
                        "form": {"user": "watcher", "password": "{password}"},
                        "lands_on": "/home",
                    },
                    {"name": "download", "url": "/reports/calls.csv?date={date}"},
                ],
                "figures": [
                    {
                        "name": "calls",
                        "column": "Calls",
                        "rows": {"Date": "{date}"},
                        "records": "offered_calls",
                    },
                    {
                        "name": "answered",
                        "column": "Answered",
                        "rows": {"Date": "{date}"},
                        "records": "answered_calls",
                    },
                ],
                "records": {"file": "/var/log/asterisk/cdr-csv/Master.csv"},
            },
        ),
    ),
}
