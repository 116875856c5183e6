import pytest

from autoloop_kernel.execution.secrets import unsecret


@pytest.mark.parametrize(
    "name",
    [
        *(
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "OPENAI_API_KEY",
            "anthropic_api_key",
            "HF_TOKEN",
            "GITHUB_TOKEN",
        ),
        *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "DB_PASSWORD", "WANDB_API_KEY", "TOKEN", "STRIPE_SECRET_KEY"),
        *("GOOGLE_APPLICATION_CREDENTIALS", "ANTHROPIC_CUSTOM_HEADERS", "MY_APIKEY", "JUPYTER_TOKEN", "CLIENT_SECRET"),
    ],
)
def test_what_looks_like_a_secret_is_left_out(name):
    assert unsecret({name: "x", "HOME": "/home/me"}) == {"HOME": "/home/me"}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "PATH",
            "HOME",
            "LD_LIBRARY_PATH",
            "CUDA_VISIBLE_DEVICES",
            "TOKENIZERS_PARALLELISM",
            "HF_HOME",
            "OMP_NUM_THREADS",
        ),
        *("PYTHONPATH", "KEYBOARD", "XDG_RUNTIME_DIR", "JPY_PARENT_PID", "SECRETARY", "MONKEY", "ANTHROPIC_BASE_URL"),
    ],
)
def test_what_a_run_needs_stays(name):
    assert unsecret({name: "x"}) == {name: "x"}
