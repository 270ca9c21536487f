"""Remote procedure calls (PROTOCOL.md section 6)."""

from __future__ import annotations

from typing import Any

from deepstream_protocol.topics import RpcAction as Rpc
from tests.reference.script import A, Actor, B, C, Steps, asks, script


def provides(actor: Actor, *names: str) -> list[Steps]:
    """Provide, acknowledged."""
    return asks(actor, Rpc.PROVIDE, *names)


def calls(name: str, id: str, *, by: Actor = B, to: Actor = A, data: Any = None) -> list[Steps]:
    """A request that reaches its provider."""
    fields = {"name": name, "id": id} | ({} if data is None else {"data": data})
    return [by.sends(Rpc.REQUEST, **fields), to.gets(Rpc.REQUEST, **fields)]


def accepts(name: str, id: str, *, by: Actor = A, to: Actor = B) -> list[Steps]:
    """The provider accepts, and the requestor hears of it."""
    return [by.sends(Rpc.ACCEPT, name=name, id=id), to.gets(Rpc.ACCEPT, name=name, id=id)]


def answers(name: str, id: str, data: Any, *, by: Actor = A, to: Actor = B) -> list[Steps]:
    """The provider answers."""
    return [
        by.sends(Rpc.RESPONSE, name=name, id=id, data=data),
        to.gets(Rpc.RESPONSE, name=name, id=id, data=data),
    ]


def is_unknown(actor: Actor, action: Rpc, name: str, id: str) -> list[Steps]:
    """An answer to a call that the server does not know, or not any more."""
    return [actor.sends(action, name=name, id=id),
            actor.gets(Rpc.INVALID_RPC_CORRELATION_ID, name=name, id=id, original_action=int(action),
                       is_error=True)]  # fmt: skip


SCRIPTS = [
    script("a call is passed to the provider, accepted and answered", provides(A, "add"),
           calls("add", "1", data={"a": 1, "b": 2}), accepts("add", "1"), answers("add", "1", 3)),
    script("call and answer may be without data", provides(A, "f"), calls("f", "1"), accepts("f", "1"),
           A.sends(Rpc.RESPONSE, name="f", id="1"), B.gets(Rpc.RESPONSE, name="f", id="1")),
    script("an answer without acceptance ends the call", provides(A, "f"), calls("f", "1"),
           answers("f", "1", 1),
           is_unknown(A, Rpc.ACCEPT, "f", "1")),
    script("one acknowledgement answers many provided names",
           A.sends(Rpc.PROVIDE, names=["f", "g", "h"], id="7"), A.gets(Rpc.PROVIDE, id="7", is_ack=True)),
    script("providing twice is remarked on before the acknowledgement", provides(A, "f"),
           A.sends(Rpc.PROVIDE, names=["f", "g"], id="2"),
           A.gets(Rpc.MULTIPLE_PROVIDERS, name="f", original_action=8),
           A.gets(Rpc.PROVIDE, id="2", is_ack=True)),
    script("a call without a provider fails at once",
           B.sends(Rpc.REQUEST, name="nobody", id="1", data="1"),
           B.gets(Rpc.NO_RPC_PROVIDER, name="nobody", id="1")),
    script("a provider that no longer provides is not asked", provides(A, "f", "g"),
           asks(A, Rpc.UNPROVIDE, "f"),
           B.sends(Rpc.REQUEST, name="f", id="1"), B.gets(Rpc.NO_RPC_PROVIDER, name="f", id="1"),
           calls("g", "2")),
    script("unproviding in bulk does not ask whether it was provided", asks(A, Rpc.UNPROVIDE, "never")),
    script("unproviding a single name that is not provided is remarked on",
           A.sends(Rpc.UNPROVIDE, name="never"),
           A.gets(Rpc.NOT_PROVIDED, name="never", original_action=9)),
    script("a second acceptance is told to the provider alone", provides(A, "f"), calls("f", "1"),
           accepts("f", "1"),
           A.sends(Rpc.ACCEPT, name="f", id="1"),
           A.gets(Rpc.MULTIPLE_ACCEPT, name="f", id="1", original_action=4, is_error=True),
           answers("f", "1", 1)),
    script("an error of the provider is passed on and ends the call", provides(A, "f"), calls("f", "1"),
           accepts("f", "1"),
           A.sends(Rpc.REQUEST_ERROR, name="f", id="1", data='"no"'),
           B.gets(Rpc.REQUEST_ERROR, name="f", id="1", data='"no"'),
           is_unknown(A, Rpc.RESPONSE, "f", "1")),
    script("an error without acceptance ends the call too", provides(A, "f"), calls("f", "1"),
           A.sends(Rpc.REQUEST_ERROR, name="f", id="1", data='"no"'),
           B.gets(Rpc.REQUEST_ERROR, name="f", id="1", data='"no"')),
    script("a rejection by the only provider fails the call", provides(A, "f"), calls("f", "1"),
           A.sends(Rpc.REJECT, name="f", id="1"), B.gets(Rpc.NO_RPC_PROVIDER, name="f", id="1")),
    script("a rejection goes to a provider that was not asked yet", provides(A, "f"),
           calls("f", "1", data=[1]),
           provides(C, "f"), A.sends(Rpc.REJECT, name="f", id="1"),
           C.gets(Rpc.REQUEST, name="f", id="1", data=[1]),
           accepts("f", "1", by=C), answers("f", "1", 2, by=C), is_unknown(A, Rpc.RESPONSE, "f", "1")),
    script("when all providers have rejected the call fails", provides(A, "f"), calls("f", "1"),
           provides(C, "f"),
           A.sends(Rpc.REJECT, name="f", id="1"), C.gets(Rpc.REQUEST, name="f", id="1"),
           C.sends(Rpc.REJECT, name="f", id="1"), B.gets(Rpc.NO_RPC_PROVIDER, name="f", id="1"),
           is_unknown(A, Rpc.REJECT, "f", "1")),
    script("a rejection after acceptance counts", provides(A, "f"), calls("f", "1"), accepts("f", "1"),
           A.sends(Rpc.REJECT, name="f", id="1"), B.gets(Rpc.NO_RPC_PROVIDER, name="f", id="1")),
    script("answers to unknown calls are errors", is_unknown(A, Rpc.ACCEPT, "f", "0"),
           is_unknown(A, Rpc.RESPONSE, "f", "0"),
           is_unknown(A, Rpc.REJECT, "f", "0"), is_unknown(A, Rpc.REQUEST_ERROR, "f", "0")),
    script("answers after the answer are errors", provides(A, "f"), calls("f", "1"), accepts("f", "1"),
           answers("f", "1", 1),
           is_unknown(A, Rpc.RESPONSE, "f", "1"), is_unknown(A, Rpc.REQUEST_ERROR, "f", "1")),
    script("only the provider can answer", provides(A, "f"), calls("f", "1"),
           is_unknown(C, Rpc.RESPONSE, "f", "1"),
           answers("f", "1", 1)),
    script("a client may call itself", provides(A, "f"), calls("f", "1", by=A), accepts("f", "1", to=A),
           answers("f", "1", 1, to=A)),
    script("calls in flight are kept apart", provides(A, "f"), calls("f", "1"), calls("f", "2", by=C),
           accepts("f", "2", to=C), accepts("f", "1"), answers("f", "1", 1), answers("f", "2", 2, to=C)),
    script("a provider may stop providing and finish its call", provides(A, "f"), calls("f", "1"),
           asks(A, Rpc.UNPROVIDE, "f"), accepts("f", "1"), answers("f", "1", 1)),
    script("nobody is told when the requestor has gone", provides(A, "f"), calls("f", "1"), B.leaves(),
           A.sends(Rpc.ACCEPT, name="f", id="1"), A.sends(Rpc.RESPONSE, name="f", id="1", data="1"),
           A.is_quiet()),
    script("a provider that leaves before acceptance counts as a rejection", provides(A, "f"),
           calls("f", "1"), A.leaves(),
           B.gets(Rpc.NO_RPC_PROVIDER, name="f", id="1"), setting="hasty"),
    script("a provider that leaves after acceptance fails the call at once", provides(A, "f"),
           calls("f", "1"),
           accepts("f", "1"), A.leaves(), B.gets(Rpc.RESPONSE_TIMEOUT, name="f", id="1")),
    script("a call that is not accepted in time fails, and the answer comes too late", provides(A, "f"),
           calls("f", "1"),
           B.gets(Rpc.ACCEPT_TIMEOUT, name="f", id="1"), is_unknown(A, Rpc.ACCEPT, "f", "1"),
           is_unknown(A, Rpc.RESPONSE, "f", "1"), setting="hasty"),
    script("a call that is not answered in time fails, and the answer comes too late", provides(A, "f"),
           calls("f", "1"),
           accepts("f", "1"), B.gets(Rpc.RESPONSE_TIMEOUT, name="f", id="1"),
           is_unknown(A, Rpc.RESPONSE, "f", "1"),
           setting="hasty"),
    script("the provider learns who calls where that is configured",
           A.enters(username="ann", password="secret"),
           B.enters(username="bob", password="secret"), provides(A, "f"),
           B.sends(Rpc.REQUEST, name="f", id="1", data="1"),
           A.gets(Rpc.REQUEST, name="f", id="1", data="1", requestor_name="bob",
                  requestor_data={"colour": "blue"}),
           setting="accounts"),
    script("nobody can call in another's name", A.enters(username="ann", password="secret"),
           B.enters(username="bob", password="secret"), provides(A, "f"),
           B.sends(Rpc.REQUEST, name="f", id="1", requestor_name="ann", requestor_data='"x"'),
           A.gets(Rpc.REQUEST, name="f", id="1", requestor_name="bob", requestor_data={"colour": "blue"}),
           setting="accounts"),
    script("a caller's name is not passed on where that is not configured", provides(A, "f"),
           B.sends(Rpc.REQUEST, name="f", id="1", requestor_name="ann"),
           A.gets(Rpc.REQUEST, name="f", id="1")),
]  # fmt: skip
