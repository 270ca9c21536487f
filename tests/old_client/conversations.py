"""What this server and the reference server say on the text wire, line by line (PROTOCOL.md section 9).

``A> line``: the client A, who is logged in as ``ann``, says it; B is ``bob``. ``A< line``: it hears exactly
this next. ``A<+ line``: it hears this from our server alone; ``A<- line``: from the reference alone, ``*``
standing for anything. At the end neither has heard anything else.
"""

from __future__ import annotations

CONVERSATIONS: dict[str, str] = {
    "values of every kind go to the other subscribers": """
        A> E|S|values
        A< E|A|S|values
        B> E|EVT|values|Shello;E|EVT|values|U;E|EVT|values;E|EVT|values|N5;E|EVT|values|L;E|EVT|values|T
        A< E|EVT|values|Shello
        A< E|EVT|values|U
        A< E|EVT|values|U
        A< E|EVT|values|N5
        A< E|EVT|values|L
        A< E|EVT|values|T
        B> E|EVT|values|O{"a":[1,null]}
        A< E|EVT|values|O{"a":[1,null]}
        A> E|US|values
        A< E|A|US|values
    """,
    "subscribing twice is remarked on, unsubscribing twice is an error only here": """
        A> E|S|twice
        A< E|A|S|twice
        A> E|S|twice
        A< E|E|MULTIPLE_SUBSCRIPTIONS|twice
        A< E|A|S|twice
        A> E|US|twice
        A< E|A|US|twice
        A> E|US|twice
        A<+ E|E|NOT_SUBSCRIBED|twice
        A<- E|A|US|twice
    """,
    "a listener is offered what is subscribed and hears when nobody wants it any more": """
        A> E|L|^offer/
        A< E|A|L|^offer/
        B> E|S|offer/1
        B< E|A|S|offer/1
        A< E|SP|^offer/|offer/1
        A> E|LA|^offer/|offer/1
        A> E|S|accepted-is-not-answered
        A< E|A|S|accepted-is-not-answered
        B> E|US|offer/1
        B< E|A|US|offer/1
        A< E|SR|^offer/|offer/1
        A> E|UL|^offer/
        A< E|A|UL|^offer/
    """,
    "a record is made, read and subscribed": """
        A> R|CR|record
        A< R|A|S|record
        A< R|R|record|0|{}
        B> R|CR|record
        B< R|A|S|record
        B< R|R|record|0|{}
        A> R|U|record|1|{"a":1}
        B< R|U|record|1|{"a":1}
        A> R|P|record|2|b.c|O{"x":1}
        B< R|P|record|2|b.c|O{"x":1}
        A> R|P|record|3|b.c|U
        B< R|P|record|3|b.c|U
        A> R|P|record|4|text|Stext|{"writeSuccess":true}
        B< R|P|record|4|text|Stext
        A< R|WA|record|[4]|L
        A> R|SN|record
        A< R|R|record|4|{"a":1,"b":{},"text":"text"}
        A> R|HD|record
        A< R|HD|record|4|null
        B> R|US|record
        B< R|A|US|record
        A> R|D|record
        A< R|A|D|record
    """,
    "a version that is there already shows what is there": """
        A> R|CR|conflict
        A< R|A|S|conflict
        A< R|R|conflict|0|{}
        A> R|U|conflict|1|{"a":1}|{"writeSuccess":true}
        A< R|WA|conflict|[1]|L
        A> R|U|conflict|1|{"a":2}
        A< R|E|VERSION_EXISTS|conflict|1|{"a":1}
        A> R|U|conflict|1|{"a":2}|{"writeSuccess":true}
        A< R|E|VERSION_EXISTS|conflict|1|{"a":1}|{"writeSuccess":true}
        A> R|U|conflict|2|5
        A< R|E|INVALID_MESSAGE_DATA|5
        A> R|U|conflict|2|nonsense
        A< R|E|INVALID_MESSAGE_DATA|nonsense
    """,
    "a record is written without being subscribed": """
        B> R|CR|upsert
        B< R|A|S|upsert
        B< R|R|upsert|0|{}
        A> R|CU|upsert|-1|{"z":1}|{}
        B< R|U|upsert|1|{"z":1}
        A> R|CU|upsert|-1|p.q|Sx|{}
        B< R|P|upsert|2|p.q|Sx
        A> R|CU|upsert|-1|p.q|Sy|{"writeSuccess":true}
        B< R|P|upsert|3|p.q|Sy
        A< R|WA|upsert|[-1]|L
    """,
    "what is not there is not found, and only here is that told to the callback and H is answered": """
        A> R|SN|nowhere
        A< R|E|RECORD_NOT_FOUND|nowhere
        A<+ R|E|SN|nowhere|RECORD_NOT_FOUND
        A> R|HD|nowhere
        A< R|HD|nowhere|-1|null
        A> R|H|nowhere
        A<+ R|H|nowhere|F
    """,
    "a provider of a record is told of to its subscribers": """
        A> R|L|^fed/
        A< R|A|L|^fed/
        B> R|CR|fed/1
        B< R|A|S|fed/1
        B< R|R|fed/1|0|{}
        A< R|SP|^fed/|fed/1
        A> R|LA|^fed/|fed/1
        B< R|SH|fed/1|T
        A> R|UL|^fed/
        A< R|A|UL|^fed/
        B< R|SH|fed/1|F
    """,
    "a call is accepted and answered, rejected, failed or not provided": """
        A> P|S|add
        A< P|A|S|add
        B> P|REQ|add|1|O{"a":1}
        A< P|REQ|add|1|O{"a":1}
        A> P|A|REQ|add|1;P|RES|add|1|N3
        B< P|A|REQ|add|1
        B< P|RES|add|1|N3
        B> P|REQ|add|2|U
        A< P|REQ|add|2|U
        A> P|A|REQ|add|2;P|E|broken|add|2
        B< P|A|REQ|add|2
        B<+ P|E|broken|add|2
        B<- P|E|Sbroken|add|2
        B> P|REQ|add|3|S1
        A< P|REQ|add|3|S1
        A> P|REJ|add|3
        B< P|E|NO_RPC_PROVIDER|add|3
        B> P|REQ|nobody|4|S1
        B< P|E|NO_RPC_PROVIDER|nobody|4
        A> P|RES|add|unknown|T
        A< P|E|INVALID_RPC_CORRELATION_ID|add|unknown
        A> P|S|add
        A< P|E|MULTIPLE_SUBSCRIPTIONS|add
        A< P|A|S|add
        A> P|US|add
        A< P|A|US|add
    """,
    "a call that nobody accepts or answers in time fails": """
        A> P|S|slow
        A< P|A|S|slow
        B> P|REQ|slow|1|T
        A< P|REQ|slow|1|T
        B< P|E|ACCEPT_TIMEOUT|slow|1
        B> P|REQ|slow|2|T
        A< P|REQ|slow|2|T
        A> P|A|REQ|slow|2
        B< P|A|REQ|slow|2
        B< P|E|RESPONSE_TIMEOUT|slow|2
    """,
    "users are asked for and watched": """
        A> U|Q|Q
        A< U|Q|bob
        A> U|Q|1|["ann","bob","carl"]
        A< U|Q|1|{"ann":true,"bob":true,"carl":false}
        A> U|S|S
        A< U|A|S|S
        A> U|US|US
        A< U|A|US|US
        A> U|S|2|["bob"]
        A<+ U|A|S|2
        A<- U|A|S|2|undefined
    """,
    "what the rules deny is told with the request's name": """
        A> E|EVT|no/event|T
        A<+ E|E|MESSAGE_DENIED|no/event|EVT
        A<- E|E|MESSAGE_DENIED|no/event|EVT|*
        A> R|U|no/record|1|{}
        A<+ R|E|MESSAGE_DENIED|no/record|U
        A<- R|E|MESSAGE_DENIED|no/record|U|1
        A> R|HD|no/record
        A< R|E|MESSAGE_DENIED|no/record|HD
        A<+ R|E|HD|no/record|MESSAGE_DENIED
        A> R|U|no/record|1|{}|{"writeSuccess":true}
        A< R|E|MESSAGE_DENIED|no/record|U|1
        A<+ R|WA|no/record|[1]|SMESSAGE_DENIED
        A> R|D|no/record
        A< R|E|MESSAGE_DENIED|no/record|D
        A> P|REQ|no/call|7|T
        A< P|E|MESSAGE_DENIED|no/call|REQ|7
    """,
    "what is no message is answered only here": """
        A> E|XX|a
        A<+ X|E|UNKNOWN_ACTION|E|XX|a
        A> Z|S|a
        A<+ X|E|UNKNOWN_TOPIC|Z|S|a
        A> C|PO;C|PI
        A< C|PO
    """,
}
