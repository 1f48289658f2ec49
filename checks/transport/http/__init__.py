"""HTTP as a client that measures: every phase timed, everything that comes bounded, one new
connection per request.

    answer = await fetch(Request("GET", Address.parse("https://portal.example.net/")),
    Phases(trace))

Parsers are httptools (llhttp; 2 µs an answer where h11 takes 55) and, where a server offers HTTP/2
by ALPN, h2, which is imported then. aiohttp's client would cost the idle daemon 12 MB.
"""
