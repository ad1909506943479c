"""Deployments with API keys: proved with the mounted key; where it is not there, that is said once.

The sandbox holds no Secrets, so its engines let every key in; tests/adapters has wrong ones.
"""

from sandbox.leadline import running
from tests.engine.raw import until
from tests.scenarios.test_watching import finished, replies, says


def test_a_missing_key_is_said_once_and_a_mounted_one_proves_the_groups(worlds, tmp_path):
    keys = tmp_path / "keys"
    (keys / "example").mkdir(parents=True)
    worlds.environment["LEADLINE_API_KEYS"] = str(keys)
    with running(worlds) as leadline:
        worlds.type("deploy qwen3-32b vllm --replicas 2 --api-key-secret qwen-key")
        assert worlds.journal.wait(finished, at_most=60)
        worlds.merge(1)
        missing = says("expected the file example/qwen3-32b-vllm, example/qwen-key")
        assert worlds.journal.wait(missing, at_most=60)
        leadline.kill("watch")
        leadline.start("watch")  # a new one does not say it again
        assert until(lambda: "no proof" in leadline.said[-1], 30) is not None
        assert not any("*Serving*" in text for text in replies(worlds))

        (keys / "example/qwen-key").write_text("sesame\n")
        assert worlds.journal.wait(says("*Serving*"), at_most=60)

    [told] = [text for text in replies(worlds) if ":key:" in text]
    assert "asking example/qwen3-32b-vllm: " in told
    assert "sesame" not in "\n".join(leadline.said)
