"""What goes wrong in the agent on demand, and the controller that is away."""

import pytest

from sandbox.agent import ARGO_CD, FLUX, Settings
from tests.sandbox.test_agent_bench import Setting, condition, gone, overlay, ready

FLAVOURS = pytest.mark.parametrize("flavour", [ARGO_CD, FLUX], ids=lambda each: each.name)


@pytest.fixture
def stage(tmp_path):
    def made(flavour=ARGO_CD, **choices):
        return Setting(tmp_path, Settings(flavour, units="environment", **choices)).served()

    return made


def failing(setting):
    """Return what the object of the agent says is wrong."""
    if setting.settings.flavour is FLUX:
        return ready(setting.kustomization())[2]
    status = setting.application("llm-prod")["status"]
    error = condition(setting.application("llm-prod"), "ComparisonError")
    return error["message"] if error else status["operationState"]["message"]


@FLAVOURS
def test_a_build_fails_on_demand_and_then_no_longer(stage, flavour):
    with stage(flavour) as setting:
        setting.agent.fail("build", times=2)
        setting.merge(overlay("qwen"))

        assert "the sandbox was told to fail this build" in failing(setting)
        setting.pass_(flavour.resync if flavour is ARGO_CD else flavour.retry)
        assert setting.lws() is None
        setting.pass_(flavour.resync if flavour is ARGO_CD else flavour.retry)
        assert setting.lws()
        assert setting.agent.state()["health"] == "healthy"


@FLAVOURS
def test_an_apply_is_refused_on_demand(stage, flavour):
    with stage(flavour) as setting:
        setting.agent.fail("refused")
        setting.merge(overlay("qwen"))

        assert (
            'admission webhook "validate.sandbox.example" denied the request: '
            "the sandbox was told to refuse"
        ) in failing(setting)
        assert setting.agent.state()["health"] == "failed"
        setting.pass_(flavour.retry)
        assert (bool(setting.lws()), setting.agent.state()["health"]) == (True, "healthy")


@FLAVOURS
def test_the_agents_account_loses_its_rights_on_demand(stage, flavour):
    with stage(flavour) as setting:
        setting.agent.fail("forbidden")
        setting.merge(overlay("qwen"))

        assert (
            f'leaderworkersets "qwen" is forbidden: User "{flavour.account}" cannot patch resource'
            ' "leaderworkersets" in API group "leaderworkerset.x-k8s.io"'
            ' in the namespace "default"'
        ) in failing(setting)


@FLAVOURS
def test_a_failure_can_be_meant_for_one_unit(stage, flavour):
    with stage(flavour) as setting:
        setting.agent.fail("refused", unit="llm-test")
        setting.merge(overlay("qwen") | overlay("llama", folder="overlays/test"))

        assert setting.lws()
        assert setting.lws("llama") is None


@FLAVOURS
def test_a_slow_sync_is_seen_to_run(stage, flavour):
    with stage(flavour) as setting:
        setting.agent.fail("slow", seconds=30)
        setting.merge(overlay("qwen"))
        setting.pass_(29)

        assert setting.lws() is None
        assert setting.agent.state()["health"] == "progressing"
        if flavour is FLUX:
            assert ready(setting.kustomization())[0] == "Unknown"
        else:
            state = setting.application("llm-prod")["status"]["operationState"]
            assert (state["phase"], "finishedAt" in state) == ("Running", False)
        setting.pass_(1)
        assert (bool(setting.lws()), setting.agent.state()["health"]) == (True, "healthy")


@FLAVOURS
def test_a_stuck_sync_never_ends_by_itself(stage, flavour):
    with stage(flavour) as setting:
        setting.agent.fail("stuck")
        setting.merge(overlay("qwen"))
        setting.pass_(86_400)
        setting.merge(overlay("llama"))

        assert (setting.lws(), setting.lws("llama")) == (None, None)
        setting.agent.repair()
        setting.agent.step()
        assert setting.lws()
        assert setting.lws("llama")


def test_a_stuck_operation_of_argo_cd_says_what_it_waits_for(stage):
    with stage() as setting:
        setting.agent.fail("stuck")
        setting.merge(overlay("qwen"))

        assert failing(setting) == (
            "waiting for healthy state of leaderworkerset.x-k8s.io/LeaderWorkerSet/qwen"
        )


@FLAVOURS
def test_a_manual_sync_ends_what_is_stuck(stage, flavour):
    with stage(flavour) as setting:
        setting.agent.fail("stuck")
        setting.merge(overlay("qwen"))
        setting.agent.sync()

        assert (bool(setting.lws()), setting.agent.state()["health"]) == (True, "healthy")


@FLAVOURS
def test_repair_takes_failures_back_that_have_not_struck(stage, flavour):
    with stage(flavour) as setting:
        setting.agent.fail("refused", times=99)
        setting.agent.repair()
        setting.merge(overlay("qwen"))

        assert setting.lws()


@FLAVOURS
def test_while_the_controller_is_away_nothing_moves_and_its_object_goes_stale(stage, flavour):
    with stage(flavour) as setting:
        first = setting.merge(overlay("qwen") | overlay("llama"))
        setting.agent.pause()
        setting.merge(gone(overlay("llama")))
        setting.change("qwen", replicas=3)
        setting.agent.sync()
        setting.pass_(3600)

        assert setting.lws("llama")
        assert setting.lws()["spec"]["replicas"] == 3
        assert setting.agent.state()["synced_revision"] == first
        assert setting.agent.state()["paused"] is True


@FLAVOURS
def test_a_controller_that_comes_back_catches_up_at_once(stage, flavour):
    with stage(flavour, webhook=False) as setting:
        setting.agent.pause()
        sha = setting.merge(overlay("llama"))
        setting.agent.resume()
        setting.agent.step()

        assert setting.lws("llama")
        assert setting.agent.state()["synced_revision"] == sha


def test_an_unknown_failure_is_refused_with_the_known_ones(stage):
    with (
        stage() as setting,
        pytest.raises(ValueError, match="the failures are build, refused, forbidden, slow, stuck"),
    ):
        setting.agent.fail("tired")


def test_a_failure_that_strikes_no_attempt_is_refused(stage):
    with stage() as setting, pytest.raises(ValueError, match="'build' 0 times"):
        setting.agent.fail("build", times=0)
