"""The API's description as a page: drawn from its OpenAPI document, without a script or a style."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

EXAMPLES = {
    "/api/predict": "curl --data-binary @photo.jpg 'http://127.0.0.1:7860/api/predict?prior=0.05'\n"
    "curl -F file=@photo.jpg http://127.0.0.1:7860/api/predict\n"
    "curl --data-binary @photo.jpg 'http://127.0.0.1:7860/api/predict?second_opinion=true'",
    "/api/explain": "curl --data-binary @photo.jpg http://127.0.0.1:7860/api/explain",
    "/api/info": "curl http://127.0.0.1:7860/api/info",
}


def describe(document: Mapping[str, Any]) -> str:
    """An OpenAPI document -> HTML."""
    info = document["info"]
    operations = "".join(
        _operation(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    schemas = "".join(_schema(name, schema) for name, schema in document["components"]["schemas"].items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>fauxto: the HTTP API</title></head>
<body><main><h1>fauxto {escape(info["version"])}: the HTTP API</h1>
<p>{escape(info["description"])}</p>
<p>For programs: <a href="/openapi.json">openapi.json</a>. <a href="/">The page</a>.</p>
{operations}<h2>What is answered</h2>{schemas}</main></body></html>
"""


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    parameters = "".join(
        f"<li><code>?{escape(each['name'])}=</code> {escape(each.get('description', ''))}</li>"
        for each in operation.get("parameters", ())
    )
    answers = "".join(
        f"<tr><th>{escape(status)}</th><td>{escape(answer['description'])}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    return f"""<h2>{escape(method.upper())} {escape(path)}</h2>
<p>{escape(operation["summary"])}. {escape(operation.get("description", ""))}</p>
<ul>{parameters}</ul><pre>{escape(EXAMPLES.get(path, ""))}</pre><table>{answers}</table>
"""


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    fields = ", ".join(f"<code>{escape(field)}</code>" for field in schema.get("properties", {}))
    said = schema.get("description", "").partition("Attributes:")[0]
    return f"<h3>{escape(name)}</h3><p>{escape(said.strip())}</p><p>{fields}</p>"
