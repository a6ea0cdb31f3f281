//! What the other side of a script may say, by number.

/// Event packages, of which the peer's SUBSCRIBE and NOTIFY know the same.
pub(super) const EVENTS: [&str; 8] =
    ["presence", "presence", "presence", "dialog;id=1", "presence;id=7", "refer", "presence.winfo", "x;id="];
/// How long a subscription is to last, in seconds.
pub(super) const EXPIRES: [&str; 8] = ["60", "600", "600", "0", "0", "1", "4294967295", "x"];

/// What it asks outside dialogs.
pub(super) const METHODS: [&str; 32] = [
    "INVITE",
    "INVITE",
    "INVITE",
    "INVITE",
    "INVITE",
    "OPTIONS",
    "MESSAGE",
    "BYE",
    "INFO",
    "UPDATE",
    "NOTIFY",
    "SUBSCRIBE",
    "REFER",
    "REGISTER",
    "PRACK",
    "FOO",
    "INVITE",
    "INVITE",
    "INVITE",
    "INVITE",
    "INVITE",
    "OPTIONS",
    "MESSAGE",
    "BYE",
    "PUBLISH",
    "UPDATE",
    "NOTIFY",
    "SUBSCRIBE",
    "REFER",
    "PUBLISH",
    "SUBSCRIBE",
    "FOO",
];
/// What it asks within them.
pub(super) const WITHIN: [&str; 16] = [
    "BYE",
    "INVITE",
    "INVITE",
    "INVITE",
    "UPDATE",
    "UPDATE",
    "INFO",
    "INFO",
    "OPTIONS",
    "MESSAGE",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
    "PRACK",
    "BYE",
    "FOO",
];
/// Request-URIs.
pub(super) const URIS: [&str; 8] = [
    "sip:bob@192.0.2.4",
    "sip:bob@192.0.2.4",
    "sip:bob@192.0.2.4",
    "sip:carol@192.0.2.4;transport=tcp",
    "sips:bob@192.0.2.4",
    "tel:+123",
    "im:bob@example.com",
    "sip:@",
];
/// Contacts.
pub(super) const CONTACTS: [&str; 16] = [
    "<sip:alice@192.0.2.1>",
    "<sip:alice@192.0.2.1>",
    "<sip:alice@192.0.2.1>",
    "<sip:alice@192.0.2.1>",
    "<sip:alice@192.0.2.1:5070>",
    "<sip:alice@192.0.2.1;transport=tcp>",
    "<sip:alice@192.0.2.2;transport=tcp>",
    "<sip:alice@name.example>",
    "<sips:alice@192.0.2.1>",
    "<sip:alice@[2001:db8::1]>",
    "<tel:+1>",
    "*",
    "<sip:@>",
    "sip:alice@192.0.2.1;expires=5, <sip:other@192.0.2.2>",
    "<sip:alice@192.0.2.1?X-Asked=1%0D%0AX-Smuggled:%201>",
    "",
];
/// Record-Routes.
pub(super) const ROUTES: [&str; 16] = [
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "<sip:192.0.2.9;lr>",
    "<sip:192.0.2.9>",
    "<sip:p1.example;lr>, <sip:192.0.2.8;lr>",
    "<tel:1>",
    "<not a uri>",
    "\"P, One\" <sip:192.0.2.9;lr>;x=\"a,b\"",
    "sip:192.0.2.9;lr",
    "<sip:192.0.2.9;lr;transport=tcp>",
];
/// Status codes.
pub(super) const CODES: [u16; 48] = [
    100, 180, 180, 183, 183, 199, 200, 200, 200, 200, 200, 200, 202, 302, 401, 404, 408, 480, 481, 486, 487,
    487, 491, 500, 503, 603, 101, 299, 300, 399, 699, 488, 422, 423, 407, 301, 405, 410, 415, 420, 483, 489,
    501, 504, 183, 401, 200, 305,
];
/// What some of these owe.
pub(super) const OWED: [(u16, &str); 10] = [
    (401, "WWW-Authenticate: Digest realm=\"h\", nonce=\"1\"\r\n"),
    (407, "Proxy-Authenticate: Digest realm=\"h\", nonce=\"1\", qop=\"auth\"\r\n"),
    (405, "Allow: INVITE, ACK, BYE, CANCEL\r\n"),
    (415, "Accept: text/plain\r\n"),
    (420, "Unsupported: timer\r\n"),
    (422, "Min-SE: 120\r\n"),
    (423, "Min-Expires: 3600\r\n"),
    (489, "Allow-Events: dialog\r\n"),
    (500, "Retry-After: 3\r\n"),
    (503, "Retry-After: 3\r\n"),
];
/// To tags.
pub(super) const TAGS: [&str; 8] = ["t1", "t1", "t1", "t2", "t3", "T1", "t4", ""];
/// The states of subscriptions.
pub(super) const STATES: [&str; 8] = [
    "active;expires=60",
    "active",
    "pending;expires=600",
    "active;expires=1",
    "terminated",
    "terminated;reason=noresource",
    "terminated;reason=timeout;retry-after=5",
    "x;expires=",
];
/// What session timers are asked for, and granted.
pub(super) const TERMS: [&str; 16] = [
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "Session-Expires: 90\r\nSupported: timer\r\n",
    "Session-Expires: 90;refresher=uac\r\nSupported: timer\r\n",
    "Session-Expires: 90;refresher=uas\r\nRequire: timer\r\n",
    "x: 1800;refresher=uac\r\nk: timer\r\nMin-SE: 90\r\n",
    "Session-Expires: 10\r\nk: timer\r\n",
    "Supported: timer\r\n",
    "Min-SE: 3600\r\n",
    "Session-Expires: x\r\n",
];
/// A session description.
pub(super) const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
