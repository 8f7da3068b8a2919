"""The whole product under traffic and faults, so that everything that is counted happens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from devtools.waiting import until
from kimi.pool import Leases, Store, Wish, connect
from kimi.pool.client_terms import ClientLimits
from kimi.pool.clients import Clients
from kimi.pool.interventions import Interventions
from tests.monitoring.pages import Watch
from tests.monitoring.prometheus import Prometheus
from tests.ports import free_port
from tests.system.stack import Stack

FORM = {"type": "json_object"}
ADMIN_KEY = "sk-operator-of-the-house"
TOOLS = [{"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}]


class Watched:
    """A stack whose two pages are watched."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.prometheus: Prometheus | None = None
        self.refresher_port = free_port()
        settings = {
            "REFRESHER_METRICS_PORT": str(self.refresher_port),
            "KIMI_CONVERSATION_SECONDS": "4",
            "KIMI_FIRST_TURN_SECONDS": "4",
            "GATEWAY_PASSTHROUGH": "1",
            "GATEWAY_QUEUE_SECONDS": "30",
            "GATEWAY_ADMIN_KEY": ADMIN_KEY,
            **env,
        }
        self.stack = Stack(folder, env=settings, is_clean=False)
        self.watch = Watch(f"{self.stack.url}/metrics", f"http://127.0.0.1:{self.refresher_port}/metrics")

    @property
    def chat_url(self) -> str:
        return f"{self.stack.url}/v1/chat/completions"

    def start(self) -> None:
        self.stack.start(kimi=4, moonshot=1)

    def ask(self, text: str = "hi", **body: object) -> requests.Response:
        """The answer, read to its end."""
        response = self.stack.chat(text, **body)  # type: ignore[arg-type]
        _ = response.content
        return response

    def moved(self, name: str, *, above: float = 0.0, **labels: str) -> None:
        """Waits until the figure is there."""
        until(lambda: self.watch.total(name, **labels) > above, what=f"{name} {labels} is above {above}")

    def noticed(self, expression: str) -> None:
        """Waits until Prometheus has seen it, if there is one."""
        looker = self.prometheus
        if looker is not None:
            until(lambda: looker.query(expression), what=f"Prometheus sees {expression}")

    def everything(self) -> None:
        """Makes each thing happen that is counted."""
        self.ordinary()
        self.refused()
        self.failing_over()
        self.asking_again()
        self.queueing()
        self.keys()
        self.looking()
        self.guests()
        self.renewing()
        self.dying()
        self.losing_leases()
        self.cleaning()
        self.losing_redis()
        self.losing_kimi()

    def ordinary(self) -> None:
        """Answers, streamed and whole, and a conversation that goes on."""
        assert self.ask("one", stream=True).ok
        first = self.ask("two").json()["choices"][0]["message"]["content"]
        talk = [{"role": "user", "content": "two"}, {"role": "assistant", "content": first}]
        assert self.ask(messages=[*talk, {"role": "user", "content": "three"}]).ok
        self.moved("kimi_gateway_conversations_total", fate="continued")
        self.moved("kimi_gateway_store_seconds_count")

    def refused(self) -> None:
        """What is wrong with a request."""
        assert self.ask(model="no-such-model").status_code == 404
        assert requests.get(f"{self.stack.url}/v1/nothing", timeout=10).status_code == 404
        self.moved("kimi_gateway_failures_total", code="model_not_found")

    def failing_over(self) -> None:
        """An account that fails unseen, and words that nobody knows."""
        self.stack.simulator.fault("error", match={"endpoint": "chat"}, reason="overloaded")
        assert self.ask().ok
        self.moved("kimi_gateway_failovers_total")
        self.stack.simulator.fault("unknown", match={"endpoint": "chat"})
        assert self.ask().ok
        self.moved("kimi_gateway_drift_total")

    def asking_again(self) -> None:
        """Answers in the wrong form, at first."""
        for text in ("none", '{"a": 1}'):
            self.stack.simulator.fault("answer", text=text)
        assert self.ask(response_format=FORM).ok
        for text, calls in (("no", []), ("", [{"name": "clock", "arguments": {}}])):
            self.stack.simulator.fault("answer", text=text, calls=calls)
        assert self.ask(tools=TOOLS, tool_choice="required").ok
        for form in ("json", "tools"):
            self.moved("kimi_gateway_asked_again_total", form=form)

    def queueing(self) -> None:
        """More requests than accounts."""
        self.stack.simulator.settings(event_delay=0.05)
        with ThreadPoolExecutor(10) as pool:
            answers = [pool.submit(self.ask, f"at once {number}") for number in range(10)]
            self.moved("kimi_gateway_queue_depth")
            assert all(answer.result().ok for answer in answers)
        self.stack.simulator.settings(event_delay=0)
        until(lambda: self.watch.total("kimi_gateway_queue_depth") == 0, what="nobody waits")

    def keys(self) -> None:
        """A key that has had all that it may have."""
        with connect(self.stack.valkey.url) as redis:
            created = Clients(Store(redis)).create("a school", ClientLimits(requests_per_minute=1))
        headers = {"Authorization": f"Bearer {created.key}"}
        body = {"model": "kimi", "messages": [{"role": "user", "content": "hi"}]}
        answers = [requests.post(self.chat_url, json=body, headers=headers, timeout=60) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]

    def looking(self) -> None:
        """An operator with the live page open."""
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        with requests.get(f"{self.stack.url}/admin/api/events", headers=headers, stream=True, timeout=60) as page:
            assert page.ok
            self.moved("kimi_gateway_viewers")
        until(lambda: self.watch.total("kimi_gateway_viewers") == 0, what="nobody looks")

    def guests(self) -> None:
        """A client with a token of its own, whose first exchange brings something that nobody knows."""
        (minted,) = self.stack.simulator.mint("kimi")
        self.stack.simulator.fault("no_tokens", empty=True, match={"account": minted["name"]})
        headers = {"Authorization": f"Bearer {minted['refresh_token']}"}
        body = {"model": "kimi", "messages": [{"role": "user", "content": "hi"}]}
        until(
            lambda: requests.post(self.chat_url, json=body, headers=headers, timeout=60).ok, what="the guest is served"
        )
        self.moved("kimi_private_accounts", kind="kimi", state="active")
        self.moved("kimi_refresher_drift_total")

    def renewing(self) -> None:
        """An exchange that takes its time."""
        self.stack.simulator.fault("slow", match={"endpoint": "exchange", "account": "kimi-1"}, seconds=2)
        with connect(self.stack.valkey.url) as redis:
            Interventions(Store(redis)).hurry("kimi-1")
        self.moved("kimi_refresher_due")

    def dying(self) -> None:
        """An account whose login was ended elsewhere."""
        self.stack.simulator.control("POST", "accounts/kimi-3", {"revoke_refresh": True, "revoke_access": True})

        def died() -> float:
            self.ask()
            return self.watch.total("kimi_accounts", state="dead")

        until(died, what="the account is known to be dead")
        self.moved("kimi_refresher_refreshes_total", result="dead")

    def losing_leases(self) -> None:
        """A holder that says nothing any more."""
        with connect(self.stack.valkey.url) as redis:
            Leases(Store(redis), seconds=0.05, worker="gone").acquire(Wish(("kimi",), "kimi"))
        self.moved("kimi_leases_expired_total")

    def cleaning(self) -> None:
        """Chats of conversations that did not go on."""
        self.moved("kimi_refresher_chat_deletions_total", result="deleted")

    def losing_redis(self) -> None:
        """Answers from memory."""
        self.stack.valkey.kill()
        until(lambda: self.ask().ok, what="it goes on from memory")
        self.moved("kimi_gateway_leases_from_memory_total")
        self.noticed("kimi_gateway_store_up == 0")
        self.stack.valkey.start()
        self.moved("kimi_gateway_store_up")
        self.moved("kimi_refresher_store_up")

    def losing_kimi(self) -> None:
        """Nothing but failures."""
        self.stack.simulator.fault("reset", times=None, match={"endpoint": "chat"})

        def left_alone() -> float:
            self.ask()
            return self.watch.total("kimi_gateway_upstreams_left_alone")

        until(left_alone, what="the upstream is left alone")
        self.noticed("kimi_gateway_upstreams_left_alone > 0")
        self.stack.simulator.forget_faults()
        until(lambda: self.ask().ok, what="it is asked again")
