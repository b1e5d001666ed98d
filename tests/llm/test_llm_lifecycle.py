"""Starting, stopping, refusing, resetting, counting connections."""

import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from workbook.llm import LocalLLM, PortInUse, Request
from workbook.llm.record import MAX_REQUESTS, Ledger

ASK = {"stream": True, "messages": [{"role": "user", "content": "oi"}]}


def ask(llm: LocalLLM, client: httpx.Client | None = None) -> httpx.Response:
    post = client.post if client else httpx.post
    return post(f"{llm.base_url}/chat/completions", json=ASK)


def refused(llm: LocalLLM) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", llm.port)) != 0


def test_it_serves_between_start_and_close() -> None:
    llm = LocalLLM().start()
    assert llm.base_url == f"http://127.0.0.1:{llm.port}/v1"
    assert ask(llm).status_code == 200
    llm.close()
    llm.close()
    assert refused(llm)
    assert len(llm.requests) == 1
    assert "local-llm" not in {thread.name for thread in threading.enumerate()}


def test_it_serves_again_on_the_same_port_after_a_close() -> None:
    llm = LocalLLM()
    with llm:
        port = llm.port
        ask(llm)
    with llm:
        assert llm.port == port
        assert ask(llm).status_code == 200


def test_a_port_in_use_is_named() -> None:
    with LocalLLM() as llm, pytest.raises(PortInUse, match=str(llm.port)) as caught:
        LocalLLM(port=llm.port).start()
    assert caught.value.port == llm.port
    assert isinstance(caught.value, OSError)


def test_a_reset_before_the_start_names_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match=r"call start\(\)"):
        LocalLLM().reset()


def test_importing_the_server_imports_no_framework_or_client() -> None:
    heavy = "{'fastapi', 'openai', 'httpx', 'langchain_core'}"
    code = f"import sys, workbook.llm; print({heavy} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_closing_frees_whoever_waits() -> None:
    with ThreadPoolExecutor() as pool:
        with LocalLLM(keep_alive=True) as llm, httpx.Client() as idle:
            idle.get(f"{llm.base_url}/models")
            answers = llm.will_stall(), llm.will_say("um", gated=True)
            waiting = [pool.submit(ask, llm) for _ in answers]
            assert llm.wait(lambda: all(answer.request for answer in answers), 10)
        for left in waiting:
            assert isinstance(left.exception(10), httpx.RemoteProtocolError)
    assert llm.open_connections == 0
    answers[1].release()


def test_a_reset_forgets_and_frees(llm: LocalLLM) -> None:
    llm.will_say("um", gated=True)
    unused = llm.will_say("esquecida")
    with httpx.stream("POST", f"{llm.base_url}/chat/completions", json=ASK) as response:
        (request,) = llm.requests
        llm.reset()
        with pytest.raises(httpx.RemoteProtocolError):
            response.read()
    assert (llm.requests, llm.connections, llm.open_connections) == ((), 0, 0)
    assert (request.finished, request.hung_up) == (False, False)
    ask(llm)
    assert unused.request is None
    assert llm.requests[0].connection == llm.connections == 1


def test_inside_refusing_the_port_refuses_and_afterwards_it_serves(llm: LocalLLM) -> None:
    for _ in range(3):
        with llm.refusing():
            assert refused(llm)
            with pytest.raises(httpx.ConnectError):
                ask(llm)
        assert ask(llm).status_code == 200


def test_refusing_spares_answers_that_had_begun_and_closes_idle_connections() -> None:
    with LocalLLM(keep_alive=True) as llm, httpx.Client() as client:
        ask(llm, client)
        answer = llm.will_say("um", gated=True)
        with httpx.stream("POST", f"{llm.base_url}/chat/completions", json=ASK) as begun:
            with llm.refusing():
                assert llm.wait(lambda: llm.open_connections == 1, 10)
                with pytest.raises(httpx.ConnectError):
                    ask(llm, client)
            answer.finish()
            assert "[DONE]" in begun.read().decode()


def test_connections_are_closed_after_each_answer_unless_kept_alive(llm: LocalLLM) -> None:
    with httpx.Client() as client:
        assert ask(llm, client).headers["connection"] == "close"
        ask(llm, client)
    assert (llm.connections, [request.connection for request in llm.requests]) == (2, [1, 2])


def test_connections_kept_alive_are_counted_while_open() -> None:
    with LocalLLM(keep_alive=True) as llm:
        with httpx.Client() as one, httpx.Client() as two:
            for client in (one, one, two, one):
                assert "connection" not in ask(llm, client).headers
            assert (llm.connections, llm.open_connections) == (2, 2)
            assert [request.connection for request in llm.requests] == [1, 1, 2, 1]
        assert llm.wait(lambda: llm.open_connections == 0, 10)
        assert llm.connections == 2


def test_a_client_survives_a_reset_with_its_connection_kept_alive() -> None:
    with LocalLLM(keep_alive=True) as llm, httpx.Client() as client:
        for _ in range(3):
            ask(llm, client)
            assert (llm.connections, llm.requests[0].connection) == (1, 1)
            llm.reset()


def test_waiting_tells_whether_it_came_true(llm: LocalLLM) -> None:
    assert llm.wait(lambda: True, 0) is True
    assert llm.wait(lambda: llm.requests, 0.01) is False


def test_each_write_leaves_the_socket_at_once() -> None:
    with LocalLLM(keep_alive=True) as llm, httpx.Client() as client:
        ask(llm, client)
        (connection,) = llm._listener._state.connections
        assert connection.transport.get_extra_info("socket").getsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY
        )


def test_the_oldest_of_too_many_requests_are_forgotten() -> None:
    ledger = Ledger()
    for number in range(MAX_REQUESTS + 1):
        ledger.arrived(Request("POST", f"/{number}", {}, b"", 1))
    assert len(ledger.requests) == MAX_REQUESTS
    assert ledger.requests[0].path == "/1"
