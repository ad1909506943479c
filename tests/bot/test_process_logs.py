"""What the log of a process looks like, and that no secret stands in it, whoever writes there."""

import io
import json
import logging

import httpx2
import kubernetes
import openai
import pytest
import redis
import slack_sdk
from github import Auth, Github, GithubException

from bot import logs
from bot.settings import Settings
from sandbox.worlds import CHANNEL, sandbox

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-1111-canary",
    "SLACK_SIGNING_SECRET": "5ecret0canary0signing",
    "SLACK_APP_TOKEN": "xapp-1-canary",
    "GITHUB_TOKEN": "ghs_canaryCanaryCanary",
    "GITHUB_WEBHOOK_SECRET": "webhook canary, with a blank",
    "REDIS_URL": "redis://:canary-of-redis@127.0.0.1:1/0",
}
CANARIES = [*(value for name, value in SECRETS.items() if name != "REDIS_URL"), "canary-of-redis"]
PROMPT = "what the person asked, word for word"


@pytest.fixture
def log():
    """Return a function that starts the log in a form and returns where its lines go."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs.QUIET}
    written = io.StringIO()

    def start(form, level=logging.INFO):
        settings = Settings.load({
            **SECRETS, "LEADLINE_GITOPS_REPOSITORY": "acme/llm", "LEADLINE_LOG_FORMAT": form,
        })  # fmt: skip
        logs.start(settings, level, written)
        return written

    yield start
    root.handlers[:], root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def test_a_line_in_json_is_an_object_with_the_reference_as_a_field(log):
    written = log("json")

    logging.getLogger("bot.x").info("running ref=%s try=%s", "a1b2c3", 1)

    line = json.loads(written.getvalue())
    assert {name: line[name] for name in ("level", "thread", "logger", "message", "ref")} == {
        "level": "INFO",
        "thread": "MainThread",
        "logger": "bot.x",
        "message": "running ref=a1b2c3 try=1",
        "ref": "a1b2c3",
    }
    assert line["time"].endswith("+00:00")


def test_a_line_in_text_says_the_same(log):
    written = log("text")

    logging.getLogger("bot.x").info("running ref=%s", "a1b2c3")

    assert written.getvalue().endswith(" INFO MainThread bot.x running ref=a1b2c3\n")


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_is_one_record_and_loses_its_secrets(log, form):
    written = log(form)
    try:
        int(f"signed with {SECRETS['SLACK_SIGNING_SECRET']}")
    except ValueError:
        logging.getLogger("bot.x").exception("broken ref=%s", "a1b2c3")

    assert "Traceback" in written.getvalue()
    assert "'signed with ***'" in written.getvalue()
    assert form == "text" or len(written.getvalue().splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("token xoxp-1-2-3-abc ends", "token *** ends"),
        ("xapp-1-A0-9-ff", "***"),
        ("ghp_0123456789 ghs_0123 gho_1 ghr_2 ghu_3", "*** *** *** *** ***"),
        ("github_pat_11AAA_bbb", "***"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("basic YWxpY2U6c2VjcmV0", "basic ***"),
        ("post to https://hooks.slack.com/commands/T0/1/abcDEF", "post to https://***"),
        ("redis://default:pa55@redis:6379/0 refused", "redis://***@redis:6379/0 refused"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- end",
            "*** end",
        ),
        ("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2ln", "***"),
        ("a bearer of news, at https://example.com:8080/a@b", None),
    ],
)
def test_whatever_looks_like_a_token_is_masked(log, text, left):
    written = log("text")

    logging.getLogger("bot.x").warning("%s", text)

    assert written.getvalue().partition(" bot.x ")[2].rstrip("\n") == (left or text)


@pytest.fixture
def worlds(tmp_path):
    with sandbox(tmp_path) as made:
        yield made


def test_the_sdks_write_neither_tokens_nor_prompts_even_at_debug(log, worlds, capfd):
    """Each is called and refused with a canary; the bodies of slack-sdk's lines hold messages."""
    written, places = log("json", logging.DEBUG), worlds.addresses
    logging.getLogger("bot.x").debug("debug lines arrive")
    slack = slack_sdk.WebClient(
        SECRETS["SLACK_BOT_TOKEN"], base_url=f"{places['slack']}/api/", retry_handlers=[]
    )
    with pytest.raises(slack_sdk.errors.SlackApiError):
        slack.chat_postMessage(channel=CHANNEL, text=PROMPT)
    host = Github(base_url=places["github"], auth=Auth.Token(SECRETS["GITHUB_TOKEN"]), retry=None)
    with pytest.raises(GithubException):
        host.get_repo("acme/llm-gitops")
    host.close()
    api = kubernetes.client.ApiClient(
        kubernetes.client.Configuration(
            host=places["cluster"], api_key={"authorization": f"Bearer {SECRETS['GITHUB_TOKEN']}"}
        )
    )
    with pytest.raises(kubernetes.client.ApiException):
        kubernetes.client.CoreV1Api(api).list_namespaced_secret("default")
    api.close()
    with (
        httpx2.Client(proxy=places["engine"]) as http,
        openai.OpenAI(
            api_key=SECRETS["GITHUB_TOKEN"],
            base_url="http://nobody-leader.default.svc:8000/v1",
            http_client=http,
            max_retries=0,
        ) as engine,
        pytest.raises(openai.APIError),
    ):
        engine.chat.completions.create(model="m", messages=[{"role": "user", "content": PROMPT}])
    with redis.Redis.from_url(SECRETS["REDIS_URL"]) as store, pytest.raises(redis.RedisError):
        store.ping()

    said = written.getvalue() + "".join(capfd.readouterr())
    assert "debug lines arrive" in said
    assert [canary for canary in (*CANARIES, PROMPT) if canary in said] == []


def test_slack_sdk_would_write_a_prompt_at_debug_if_it_were_let(log, worlds):
    """What the test above is there for."""
    written = log("json", logging.DEBUG)
    logging.getLogger("slack_sdk").setLevel(logging.DEBUG)
    url = f"{worlds.addresses['slack']}/api/"
    slack = slack_sdk.WebClient(SECRETS["SLACK_BOT_TOKEN"], base_url=url, retry_handlers=[])

    with pytest.raises(slack_sdk.errors.SlackApiError):
        slack.chat_postMessage(channel=CHANNEL, text=PROMPT)

    assert PROMPT in written.getvalue()
    assert SECRETS["SLACK_BOT_TOKEN"] not in written.getvalue()
