"""The page and its HTTP API, on this machine. Needs the extra [web].

server.py (socket, signals) -> protocol.py (slow clients) -> guard.py (who may ask) -> app.py (routes)
-> uploads.py (bodies) -> engine.py (slots, inference), which decodes in processes of its own (decoding.py).
"""
