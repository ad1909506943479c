"""Webhooks over the API: make and remove one, look at its deliveries, send one again.

Source: docs.github.com/rest/repos/webhooks.
"""

from urllib.parse import urlsplit

from sandbox.github.calls import Call, Reply, Routes
from sandbox.github.errors import invalid_field, not_found
from sandbox.github.hooks import Delivery, Hook
from sandbox.github.shapes import Json
from sandbox.github.site import Site


def create_hook(site: Site, call: Call) -> Reply:
    """POST hooks: only deliveries as JSON are made."""
    given = call.body.get("config")
    config = given if isinstance(given, dict) else {}
    url, events = str(config.get("url", "")), call.body.get("events") or ["push"]
    if urlsplit(url).scheme not in ("http", "https"):
        raise invalid_field("Hook", "url")
    if config.get("content_type", "json") != "json" or not isinstance(events, list):
        raise invalid_field("Hook", "content_type")
    number = site.hooks.add(Hook(url, str(config.get("secret", "")), tuple(events)))
    return Reply(201, _hook(call, number, site.hooks.all()[number]))


def list_hooks(site: Site, call: Call) -> Reply:
    """GET hooks."""
    return Reply(200, [_hook(call, n, hook) for n, hook in site.hooks.all().items()], paged=True)


def delete_hook(site: Site, call: Call, hook: str) -> Reply:  # noqa: ARG001 - one signature
    """DELETE hooks/ID."""
    try:
        site.hooks.remove(int(hook))
    except KeyError as error:
        raise not_found() from error
    return Reply(204, None)


def list_deliveries(site: Site, call: Call, hook: str) -> Reply:  # noqa: ARG001 - one signature
    """GET hooks/ID/deliveries: the newest first."""
    return Reply(200, [one.as_json() for one in _of(site, hook)], paged=True)


def redeliver(site: Site, call: Call, hook: str, delivery: str) -> Reply:  # noqa: ARG001 - as above
    """POST hooks/ID/deliveries/ID/attempts."""
    if int(delivery) not in {one.id for one in _of(site, hook)}:
        raise not_found()
    site.hooks.redeliver(int(delivery))
    return Reply(202, {})


def _of(site: Site, hook: str) -> list[Delivery]:
    if int(hook) not in site.hooks.all():
        raise not_found()
    return [one for one in site.hooks.deliveries() if one.hook == int(hook)]


def _hook(call: Call, number: int, hook: Hook) -> Json:
    url = f"{call.shapes.here}/hooks/{number}"
    secret = {"secret": "********"} if hook.secret else {}
    return {
        "type": "Repository",
        "id": number,
        "name": "web",
        "active": True,
        "events": list(hook.events),
        "config": {"url": hook.url, "content_type": "json", "insecure_ssl": "0", **secret},
        "url": url,
        "deliveries_url": f"{url}/deliveries",
    }


_DELIVERIES = r"hooks/(?P<hook>\d+)/deliveries"
ROUTES: Routes = (
    ("GET", r"hooks", list_hooks),
    ("POST", r"hooks", create_hook),
    ("DELETE", r"hooks/(?P<hook>\d+)", delete_hook),
    ("GET", _DELIVERIES, list_deliveries),
    ("POST", _DELIVERIES + r"/(?P<delivery>\d+)/attempts", redeliver),
)
