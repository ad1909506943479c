"""The Endpoint port over the sandbox's engines: both flavours, several versions, every trouble."""

import contextlib
import threading

import pytest

from bot.errors import EngineAbsentError, EngineUnavailableError
from bot.relay import Call, Question
from bot.relay.guard import Patience
from bot.relay.openai import OpenAIEndpoint
from sandbox.engine import Pace
from tests.engine.raw import until
from tests.sandbox.test_engine_bench import network, sglang, vllm

HOST = "qwen-leader.default.svc"
AT_ONCE = Pace(first=0, token=0)
HURRIED = Patience(connect=1, first=0.6, idle=0.6, total=20)
FLAVOURS = {
    "vllm 0.10.0": (vllm, "vllm:v0.10.0"),
    "vllm 0.12.0": (vllm, "vllm:v0.12.0"),
    "vllm 0.32.0": (vllm, "vllm:v0.32.0"),
    "sglang 0.4.10": (sglang, "sglang:v0.4.10.post2"),
    "sglang 0.5.9": (sglang, "sglang:v0.5.9"),
}
PARSERS = {"bare": (), "parser": ("--reasoning-parser", "qwen3")}


@contextlib.contextmanager
def engine_of(flavour, *words):
    make, image = FLAVOURS[flavour]
    with network(make(*words, image=image), AT_ONCE) as net:
        net.bench.wait("lws.available")
        yield net


@pytest.fixture(scope="module", params=FLAVOURS)
def flavoured(request):
    with engine_of(request.param) as net:
        yield net


@pytest.fixture(scope="module")
def served():
    with engine_of("vllm 0.32.0") as net:
        yield net


@pytest.fixture
def net(served):
    yield served
    served.engine.heal()


def endpoint(net, patience=HURRIED):
    return OpenAIEndpoint.connect(net.proxy, patience)


def asked(net, question, patience=HURRIED, call=None):
    return list(endpoint(net, patience).stream(HOST, "qwen3-32b", question, call or Call()))


def text_of(pieces):
    return "".join(p.text for p in pieces if not p.thought)


def thought_of(pieces):
    return "".join(p.text for p in pieces if p.thought)


QUIET = Question("hello", max_tokens=200, thinking=False)
LOUD = Question("hello", max_tokens=400, thinking=True)


def test_the_model_is_what_the_engine_serves(flavoured):
    assert endpoint(flavoured).model(HOST) == "qwen3-32b"
    assert endpoint(flavoured).model(HOST, wanted="something-else") == "qwen3-32b"


def test_an_answer_ends_with_reason_and_counts(flavoured):
    *pieces, last = asked(flavoured, QUIET)

    assert text_of(pieces)
    assert thought_of(pieces).strip() == ""
    assert (last.finish, last.model) == ("stop", "qwen3-32b")
    assert last.tokens > 3
    assert last.prompt_tokens > 0


def test_an_answer_that_is_cut_says_so(flavoured):
    last = asked(flavoured, Question("hello", max_tokens=2, thinking=False))[-1]

    assert (last.finish, last.tokens) == ("length", 2)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("parser", PARSERS)
def test_thoughts_are_parted_from_the_answer(flavour, parser):
    with engine_of(flavour, *PARSERS[parser]) as net:
        pieces = asked(net, LOUD)
        short = asked(net, Question("hello", max_tokens=3, thinking=True))

    assert thought_of(pieces).strip()
    assert "think>" not in text_of(pieces) + thought_of(pieces)
    assert text_of(pieces).strip()
    assert text_of(short).strip() == ""
    assert short[-1].finish == "length"


def test_every_parameter_reaches_the_engine(net):
    before = len(net.chats())
    question = Question("hello", 7, 0.1, 0.2, 3, system="be brief", thinking=False)
    asked(net, question)
    [chat] = net.chats()[before:]

    assert chat["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hello"},
    ]
    sampling = ("max_tokens", "temperature", "top_p", "seed", "chat_template_kwargs")
    assert [chat[name] for name in sampling] == [7, 0.1, 0.2, 3, {"enable_thinking": False}]


def test_a_prompt_that_looks_like_json_is_one_string(net):
    before = len(net.chats())
    prompt = '"}],"stream":false,"chat_template":"x'
    asked(net, Question(prompt, thinking=False))
    [chat] = net.chats()[before:]

    assert chat["messages"] == [{"role": "user", "content": prompt}]
    assert "chat_template" not in chat
    assert chat["stream"] is True


def test_thinking_is_left_to_the_model_unless_it_is_said(net):
    before = len(net.chats())
    asked(net, Question("hello", max_tokens=1))

    assert "chat_template_kwargs" not in net.chats()[before]


def test_an_unknown_model_is_refused_by_vllm_and_taken_by_sglang(flavoured):
    stream = endpoint(flavoured).stream(HOST, "other", QUIET)
    if "sglang" in flavoured.get("/v1/models").text:
        assert list(stream)[-1].model == "other"
        return
    with pytest.raises(EngineUnavailableError, match="404 The model `other` does not exist"):
        list(stream)


def test_a_question_that_is_too_long_is_refused_in_the_engines_words(flavoured):
    with pytest.raises(EngineUnavailableError, match="context length"):
        asked(flavoured, Question("word " * 50_000, thinking=False))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_an_api_key_is_sent_and_a_wrong_one_is_told(flavour):
    with engine_of(flavour, "--api-key", "sesame") as net:
        assert endpoint(net).model(HOST, "sesame") == "qwen3-32b"
        assert asked(net, QUIET, call=Call("sesame"))[-1].finish == "stop"
        with pytest.raises(EngineUnavailableError, match=r"401.*check the API key file") as wrong:
            asked(net, QUIET, call=Call("guess"))
        with pytest.raises(EngineUnavailableError, match=r"401.*it wants an API key"):
            endpoint(net).model(HOST)

    assert "guess" not in str(wrong.value)
    assert "guess" not in repr(Call("guess"))


def test_nobody_listening_is_an_engine_that_may_be_loading(net):
    net.engine.down(HOST)
    try:
        with pytest.raises(EngineAbsentError, match="may still be loading"):
            endpoint(net).model(HOST)
        with pytest.raises(EngineAbsentError, match="may still be loading"):
            asked(net, QUIET)
    finally:
        net.engine.up()


BEFORE = {
    "refuse": "may still be loading",
    "unavailable": "503.*; it may still be loading",
    "hang": "no first token within 0.6 s",
    "redirect": "307, a redirect, which is not followed",
    "html": "it answered with text/html",
    "big_headers": "its headers are larger than 64 KiB",
}


@pytest.mark.parametrize("trouble", BEFORE)
def test_a_trouble_before_the_first_token_is_said(net, trouble):
    net.engine.fault("qwen", trouble)
    with pytest.raises(EngineUnavailableError, match=BEFORE[trouble]):
        asked(net, QUIET)


MIDWAY = {
    "stall": "no further token within 0.6 s",
    "reset": "the answer broke off",
    "cut": "the answer broke off",
    "error": "EngineCore encountered an issue",
    "broken_json": "an event is no chat completion",
    "huge_line": "an event is longer than 1,024 KiB",
    "endless": "longer than 4,000 characters",
    "no_finish": "the answer broke off",
}


@pytest.mark.parametrize("trouble", MIDWAY)
def test_a_trouble_midway_keeps_what_came_and_is_said(net, trouble):
    whole = text_of(asked(net, QUIET))
    net.engine.fault("qwen", trouble, after_tokens=3)
    pieces = []
    patience = Patience(connect=1, first=0.6, idle=0.6, total=20, characters=4_000)
    with pytest.raises(EngineUnavailableError, match=MIDWAY[trouble]):
        pieces.extend(endpoint(net, patience).stream(HOST, "qwen3-32b", QUIET))

    assert text_of(pieces)
    assert whole.startswith(text_of(pieces)) or trouble == "endless"


@pytest.mark.parametrize("trouble", ["comments", "no_done"])
def test_what_is_harmless_changes_nothing(net, trouble):
    whole = asked(net, QUIET)
    net.engine.fault("qwen", trouble)
    again = asked(net, QUIET)

    assert text_of(again) == text_of(whole)
    assert again[-1].finish == "stop"


def test_bytes_that_are_no_utf8_are_shown_as_such(net):
    net.engine.fault("qwen", "invalid_utf8", after_tokens=2)
    pieces = asked(net, QUIET)

    assert "\ufffd" in text_of(pieces)
    assert pieces[-1].finish == "stop"


def test_a_byte_a_second_does_not_keep_a_question_alive(net):
    net.engine.fault("qwen", "trickle")
    with pytest.raises(EngineUnavailableError, match=r"no first token within 0\.6 s"):
        asked(net, QUIET)


def test_an_answer_takes_no_longer_than_the_total(net):
    net.engine.fault("qwen", "slow")
    patience = Patience(connect=1, first=5, idle=5, total=0.5)
    with pytest.raises(EngineUnavailableError, match=r"the answer takes longer than 0\.5 s"):
        asked(net, Question("hello", max_tokens=200, thinking=False), patience)


def running(net):
    return net.raw().metric("vllm:num_requests_running")


@pytest.mark.parametrize("trouble", ["hang", "stall"])
def test_a_cancelled_question_frees_the_engine_within_a_second(net, trouble):
    net.engine.fault("qwen", trouble, after_tokens=2)
    cancelled, ended = threading.Event(), []
    call = Call(cancelled=cancelled.is_set)
    patient = Patience(connect=1, first=30, idle=30, total=60)
    thread = threading.Thread(target=lambda: ended.extend(asked(net, QUIET, patient, call)))
    thread.start()
    if trouble == "stall":
        assert until(lambda: running(net) == 1, 5) is not None
    else:
        assert net.bench.journal.wait(lambda e: e.call == "POST chat/completions")
    cancelled.set()
    passed = until(lambda: running(net) == 0 and not thread.is_alive(), 5)
    thread.join(5)

    assert passed < 1
    assert ended[-1].finish == "cancelled"


def test_a_reader_that_leaves_frees_the_engine(net):
    net.engine.fault("qwen", "stall", after_tokens=2)
    with contextlib.closing(endpoint(net).stream(HOST, "qwen3-32b", QUIET)) as pieces:
        next(pieces)

    assert until(lambda: running(net) == 0, 5) is not None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "a/b.c",
        "169.254.169.254",
        "169.254.169.254:80",
        "A.b",
        "a.b@evil",
        "a.b.c.d.e",
        "a..b",
    ],
)
def test_only_names_of_a_cluster_are_asked(net, host):
    entries = len(net.bench.journal.entries())
    with pytest.raises(EngineUnavailableError, match="not a host of a cluster"):
        endpoint(net).model(host)

    assert len(net.bench.journal.entries()) == entries
