"""The page that shows the API and lets one try it; it asks no outside host for anything."""

from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Response
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api import repeating
from api.representations import REQUESTS

# Of this package only the files of Swagger UI are taken, byte for byte those of its 5.33.1.
ASSETS = files("fastapi_standalone_docs") / "static" / "swagger"
MEDIA_TYPES = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Crondesk: REST API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """\
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#api", validatorUrl: null, deepLinking: true,
  defaultModelsExpandDepth: 0, displayRequestDuration: true
});
"""

router = APIRouter(prefix="/api", include_in_schema=False)


@router.get("/docs")
async def page() -> Response:
    """The page."""
    return Response(PAGE, headers=HEADERS, media_type="text/html")


@router.get("/docs/start.js")
async def start() -> Response:
    """Starts Swagger UI: a file of its own, for the page allows no script within it."""
    return Response(START, headers=HEADERS, media_type="text/javascript")


@router.get("/docs/{name}")
def asset(name: str) -> Response:
    """A file of Swagger UI."""
    if name not in MEDIA_TYPES:
        raise HTTPException(404)
    headers = {**HEADERS, "Cache-Control": "max-age=86400"}
    return Response((ASSETS / name).read_bytes(), headers=headers, media_type=MEDIA_TYPES[name])


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the models of the bodies, which the calls read by themselves."""
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for call in [call for path in made["paths"].values() for call in path.values()]:
        # What the code calls it says little to others; what it does stands in the first line.
        call["summary"], _, call["description"] = call["description"].partition("\n")
    _, models = models_json_schema(
        [(model, "validation") for model in (*REQUESTS, *repeating.REQUESTS)],
        ref_template="#/components/schemas/{model}",
    )
    schemas = made["components"]["schemas"]
    schemas |= models["$defs"]
    # FastAPI lists its own shapes of errors, also where no call answers with them.
    if "HTTPValidationError" not in str(made["paths"]):
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
    return made
