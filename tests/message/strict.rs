//! Strict validation: the table of leniencies, and what strictness means against receiving (RFC 3261 §25.1).

use std::fmt::Write as _;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sip_proto::context::{Invite, Reply};
use sip_proto::message::{Body, Builder, Datagram, LENIENCIES, Leniency, Name};
use sip_proto::testing::check_message;
use sip_proto::{
    Bound, Config, Endpoint, Event, Flow, Input, Limits, Message, Method, Output, StatusCode, Timestamp,
    Transport,
};

fn valid(text: &str) -> Message {
    match Datagram::read(Bytes::from(text.to_owned()), &Limits::DEFAULT) {
        Datagram::Valid(message) => message,
        other => panic!("{other:?}\n{text}"),
    }
}

#[test]
fn ordinary_messages_pass() {
    for text in [Leniency::ORDINARY, Leniency::ORDINARY_RESPONSE] {
        let message = valid(text);
        assert_eq!(message.findings().collect::<Vec<_>>(), []);
        assert_eq!(message.validate(), Ok(()));
    }
}

#[test]
fn what_is_forgiven_is_received_and_found() {
    for leniency in LENIENCIES {
        let text = leniency.message();
        let received = valid(&text);
        let parsed =
            Message::parse(text.clone().into_bytes()).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
        assert_eq!(received, parsed);
        let found: Vec<_> = parsed.findings().collect();
        assert_eq!(found.len(), 1, "{}: {found:?}", leniency.what);
        assert_eq!(found[0].section, leniency.section, "{}: {}", leniency.what, found[0]);
        assert_eq!(parsed.validate(), Err(found[0]));
        assert!(found[0].fault.at <= parsed.as_bytes().len());
    }
}

#[test]
fn the_table_in_the_docs_is_the_table() {
    let mut text = String::from(
        "| accepted on receipt | why | the grammar's rule | example | in place of |\n|---|---|---|---|---|\n",
    );
    let code = |piece: &str| match piece {
        "" => "–".to_owned(),
        piece => {
            format!("`{}`", piece.escape_default().to_string().replace("\\'", "'").replace("\\\"", "\""))
        }
    };
    for row in LENIENCIES {
        let (example, usual) = (code(row.example), code(row.usual));
        writeln!(text, "| {} | {} | {} | {example} | {usual} |", row.what, row.why, row.section).unwrap();
    }
    assert!(
        include_str!("../../src/message/strict/leniencies.md") == text,
        "leniencies.md should read:\n{text}"
    );
}
/// Lines that the grammars of RFC 3261 §20 and of the extensions have.
const LINES: &[&str] = &[
    "Accept:",
    "Accept: */*, text/*;q=0.5;level=1, application/sdp ; q = 1.000",
    "Accept-Encoding: gzip;q=0, *",
    "Accept-Language: da, en-gb;q=0.8, *;q=0.",
    "Accept-Contact: *;audio;require, *;+sip.message=\"<x>\";explicit",
    "Alert-Info: <http://www.example.com/sounds/moo.wav>, <urn:alert:tone>;x=y",
    "Allow:",
    "Allow: INVITE , FOO",
    "Allow-Events: presence.winfo, conference",
    "Authentication-Info: nextnonce=\"4\", qop=auth, rspauth=\"\", nc=0000000a",
    "Authorization: Digest username=\"b\", realm=\"a\",nonce=\"8\" , uri=\"sip:s@h\", response=\"d3\" ",
    "Authorization: NoOneKnows opaque=\"x\", y=z",
    "Call-Info: <http://h/p.jpg?a=b> ;purpose=icon,<sip:a@[2001:db8::1]:5070>",
    "Content-Disposition: session;handling=optional;x",
    "Content-Encoding: gzip, x",
    "Content-Language: fr, en-US",
    "Diversion: <tel:+1-201-555-0123>;reason=user-busy;counter=1;privacy=\"full\"",
    "Error-Info: <sip:announcement10@example.com>",
    "Event: presence.winfo;id=a3",
    "Expires: 4294967295",
    "Geolocation: <cid:target123@atlanta.example.com>",
    "Geolocation-Error: 200 ;code=\"Permission To Use Location Information\";x",
    "Geolocation-Routing: no",
    "History-Info: <sip:UserA@example.com?Reason=SIP%3Bcause%3D302>;index=1.1, <sip:b@h.org>;index=1.1.2;mp=1.1",
    "In-Reply-To: 70710@saturn.bell-tel.com, 17320@saturn.bell-tel.com",
    "Info-Package: foo;x=y",
    "Join: 12adf2f34456gs5;to-tag=12345;from-tag=54321",
    "MIME-Version: 1.0",
    "Min-SE: 60;x",
    "Organization:",
    "Organization: Boxes by Bob \u{e9}",
    "P-Asserted-Identity: \"Cullen\" <sip:f@cisco.com>, tel:+14085264000",
    "P-Preferred-Identity: sip:f@cisco.com",
    "Path: <sip:p3.example.com;lr>,<sip:p1.example.com;lr>;x=1",
    "Priority: non-urgent",
    "Privacy: header;user;critical",
    "Proxy-Authenticate: Digest realm=\"a\", domain=\"sip:ss1.carrier.com\", qop=\"auth,auth-int\", nonce=\"f8\", stale=FALSE, algorithm=SHA-256",
    "Proxy-Authorization: Digest nc=00000001, qop=auth, cnonce=\"0a\"",
    "Proxy-Require: foo,bar",
    "RAck: 776656 1 INVITE",
    "Reason: Q.850;cause=16;text=\"Terminated\", SIP ;cause=200",
    "Record-Route: <sip:h.org;lr>, Name <sips:[::1]>",
    "Recv-Info:",
    "Recv-Info: foo, bar;x",
    "Refer-Sub: false",
    "Refer-To: <sip:dave@h.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345>",
    "Refer-To: sip:dave@h.org;method=INVITE",
    "Referred-By: <sip:r@h.org>;cid=\"20398823.2UWQFN309shb3@r.example\"",
    "Reject-Contact: *;actor=\"msg-taker\";video",
    // RFC 3841 §10: what is a flag in Accept-Contact is any parameter here.
    "Reject-Contact: *;require=x;explicit=\"y\"",
    "Replaces: 98732@sip.example.com ;from-tag=r33th4x0r ;to-tag=ff87ff;early-only",
    "Reply-To: \"Bob\" <sip:bob@biloxi.com>;x",
    "Request-Disposition: proxy, recurse , parallel",
    "Require: 100rel",
    "Retry-After: 18000 (in (a) \\) meeting) ; duration=3600",
    "Route: <sip:services.example.com;lr;unknownwith=value>",
    "RSeq: 4294967295",
    "Security-Client: ipsec-ike;q=0.1, tls;q=0.2;d-ver=\"0a\"",
    "Server: HomeServer v2 (a) x/1.0 (b)",
    "Service-Route: <sip:P2.HOME.EXAMPLE.COM;lr>",
    "Session-Expires: 4000;refresher=UAC",
    "SIP-ETag: 12345",
    "SIP-If-Match: dx200xyz",
    "Subject:",
    "Subject: I know \"you're\" there <",
    "Subscription-State: active;expires=600000;reason=x;retry-after=1",
    "Supported:",
    "Timestamp: 54.21 .5",
    "Unsupported: foo",
    "User-Agent: Softphone Beta1.5 / x (a \u{e9})",
    "User-to-User: 56a390f3d2b7310023a2;encoding=hex;purpose=foo, \"x\"",
    "Warning: 307 isi.edu:5060 \"Session\", 399 [2001:db8::1]:1 \"x\"",
    // `quoted-string` begins with white space (RFC 3261 §25.1).
    "Warning: 399 a_b  \t\"x\" , 399 [::1] \"y\"",
    "Referred-By: <sip:r@h.org>;cid=\"a@h.org.\" ",
    "Proxy-Authenticate: Digest nonce=\"a\", domain=\"sip:a@h.org  /x/y;z http://h.org/\" ",
    "WWW-Authenticate: Digest realm=\"\"",
    "X-Unknown: ;;,,;;,; \u{e9} \" <",
    "X-Unknown:",
    "X-Folded: a,\r\n\tb",
    "Subject \t:\r\n x",
];

/// Lines in place of the ordinary request's own.
const OWN: &[&str] = &[
    "Via: SIP / 2.0 / FOO [2001:db8::1] : 5061 ;ttl=1;maddr=224.2.0.1;received=2001:db8::9;rport;branch=z9hG4bK1 , SIP/2.0/UDP h.org.",
    "From: sip:c8oqz84zk7z@privacy.org;tag=hyh8",
    "From: \"a \\\" \\\u{0} b\" <sips:1212@gateway.com:5061;x=%20?a=b&c=>;tag=hyh8;x=\"y\"",
    "From: caller<tel:7042;phone-context=example.com;ext=1>;tag=1",
    "To: A. G. Bell <sip:a;b?c/d:pw@192.0.2.1>",
    "To: <http://user@h.org:80/a;b/c?d=%23>",
    "Call-ID: f81d4fae-7dec-11d0-a765-00a0c91e6bf6@<[x]>",
    "Contact: \"Mr. Watson\" <sip:w@h.org>;q=0.7;expires=3600;reg-id=1;+sip.instance=\"<urn:uuid:0>\"",
    "Contact: <sip:w@h.org>;temp-gruu=\"sip:t\\\"x@h.org;gr\";pub-gruu=\"\" ;rc=1.10;audio",
    "Max-Forwards: 0",
    "Content-Type: multipart/mixed; boundary=\"a b\";x=y",
    "Date: Thu, 21 Feb 2002 13:02:03 GMT",
];

/// The ordinary request with one more line.
fn with(line: &str) -> Message {
    let text = Leniency::ORDINARY.replace("Content-Type:", &format!("{line}\r\nContent-Type:"));
    Message::parse(text.into_bytes()).unwrap_or_else(|fault| panic!("{line}: {fault}"))
}

/// The ordinary request with `line` in place of its own of that name.
fn instead(line: &str) -> Message {
    let name = line.split(':').next().unwrap();
    let mut lines: Vec<&str> = Leniency::ORDINARY.split("\r\n").collect();
    let place = lines.iter().position(|own| own.starts_with(&format!("{name}:"))).unwrap();
    lines[place] = line;
    Message::parse(lines.join("\r\n").into_bytes()).unwrap_or_else(|fault| panic!("{line}: {fault}"))
}

fn passes(message: &Message, line: &str) {
    let found: Vec<_> = message.findings().map(|finding| finding.to_string()).collect();
    assert!(found.is_empty(), "{line}: {found:?}");
}

/// One finding, which says `expected` at the first byte of `rest` in the line.
fn fails(message: &Message, line: &str, expected: &str, rest: &str) {
    let found: Vec<_> = message.findings().collect();
    let [finding] = found[..] else { panic!("{line}: {found:?}") };
    assert_eq!(finding.fault.expected, expected, "{line}");
    let text = std::str::from_utf8(message.as_bytes()).unwrap();
    let line_at = text.find(line).unwrap();
    assert_eq!(finding.fault.at - line_at, line.rfind(rest).unwrap(), "{line}: {finding}");
}

/// RFC 3261 §20 and §25.1, and the extensions named in the lines: what their grammars have.
#[test]
fn headers_that_pass() {
    for line in LINES {
        passes(&with(line), line);
    }
    for line in OWN {
        passes(&instead(line), line);
    }
}

/// RFC 3261 §20 and §25.1, and the extensions: the first byte that their grammars do not have.
#[test]
fn headers_that_do_not() {
    let lines = [
        ("Accept: text", "'/'", ""),
        ("Accept: */*;q=1.5", "a q-value from 0 to 1", "1.5"),
        ("Accept-Encoding: gzip;q=0.1234", "a q-value from 0 to 1", "0.1234"),
        ("Accept-Language: german-abcdefghi", "one to eight letters", "abcdefghi"),
        ("Accept-Contact: audio", "'*'", "audio"),
        ("Alert-Info: http://h/", "'<'", "http"),
        ("Allow: INVITE,,ACK", "a token", ",ACK"),
        ("Allow-Events: a..b", "an event package", ".b"),
        ("Authentication-Info: nc=1", "eight lower-case hexadecimal digits", "1"),
        ("Authorization: Digest", "white space and parameters", ""),
        ("Authorization: Digest response=\"DEAD\"", "lower-case hexadecimal digits", "DEAD\""),
        ("Authorization: Digest username=bob", "a quoted string", "bob"),
        // RFC 3261 §22.4: what Digest hashes is a Request-URI, as that of a request line is.
        ("Authorization: Digest uri=\"/\"", "a URI scheme", "/"),
        ("Authorization: Digest uri=\"sip:a@h.org;ttl=300\"", "a number up to 255", "300"),
        ("Authorization: Digest uri=\"sip:a b\"", "';', '?' or the end of the URI", " b"),
        ("Authorization: Digest uri=\"tel:+1", "a closing quote", ""),
        ("Authorization: Basic Zm9vOmJhcg==", "a token or a quoted string", "="),
        ("Call-Info: <x>", "a URI scheme", "x>"),
        ("Content-Disposition: ;x", "a disposition", ";x"),
        ("Content-Encoding:", "a token", ""),
        ("Content-Language: 1", "one to eight letters", "1"),
        ("Diversion: sip:a@h.org", "'<'", ":a@"),
        ("Diversion: <sip:a@h.org>;counter=100", "one or two digits", "100"),
        ("Diversion: <sip:a@h.org>;limit=099", "one or two digits", "099"),
        ("Event: a;id", "'=' and a value", ""),
        ("Expires: 4294967296", "seconds below 2^32", "4294967296"),
        ("Expires: 1 s", "the end of the value", " s"),
        ("Geolocation-Error: 1000", "a code of one to three digits", "1000"),
        ("Geolocation-Error: 100;code=Cannot", "a quoted string", "Cannot"),
        ("Geolocation-Routing: yes, no", "the end of the value", ", no"),
        ("History-Info: <sip:b@h.org>;index=1.", "numbers with dots between them", ""),
        ("History-Info: <sip:b@h.org>;index=1.01", "numbers with dots between them", "01"),
        ("History-Info: <sip:b@h.org>;index=1, <sip:c@h.org>;rc=1", "an index", ""),
        ("In-Reply-To: a@b@c", "the end of the value", "@c"),
        ("Info-Package: a, b", "the end of the value", ", b"),
        ("Join: x;to-tag=1", "to-tag and from-tag", ""),
        ("MIME-Version: 1", "'.'", ""),
        ("MIME-Version: 1.4294967296", "a version below 2^32", "4294967296"),
        ("Min-Expires: -1", "seconds below 2^32", "-1"),
        ("Min-SE: x", "seconds below 2^32", "x"),
        ("P-Asserted-Identity: <sip:a@h.org>;x", "the end of the value", ";x"),
        ("Path: sip:a@h.org", "'<'", ":a@"),
        ("Priority: a b", "the end of the value", " b"),
        ("Privacy: id ;user", "the end of the value", " ;user"),
        ("Privacy: id;user;ID", "each value once", "ID"),
        ("Proxy-Authenticate: Digest stale=maybe", "true or false", "maybe"),
        ("Proxy-Authenticate: Digest qop=auth", "a quoted list", "auth"),
        // RFC 3261 §25.1 `qop-options`: a comma alone stands between them.
        ("Proxy-Authenticate: Digest qop=\"auth, auth-int\"", "a token", " auth-int"),
        ("Proxy-Authenticate: Digest qop=\"auth ,auth-int\"", "a closing quote", " ,"),
        ("RAck: 1 2", "white space and a method", ""),
        ("Reason: SIP;text=x", "a quoted string", "x"),
        ("Record-Route: <sip:h.org>, ", "'<'", ""),
        ("Refer-Sub: maybe", "true or false", "maybe"),
        ("Refer-To: sip:d@h.org?a=b", "'<' and '>' around a URI with '?'", "?a=b"),
        ("Referred-By: <sip:r@h.org>;cid=\"x\"", "'@'", "\""),
        ("Replaces: x;to-tag=1;from-tag=2;early-only=1", "no value", "1"),
        ("Request-Disposition: proxying", "a directive", "ing"),
        ("Retry-After: 5 (a", "a closing parenthesis", "(a"),
        ("Retry-After: 5;duration=x", "seconds below 2^32", "x"),
        ("Route: <sip:h.org", "'>'", ""),
        ("RSeq: 0", "a number above 0", "0"),
        ("Security-Verify: tls;q=2", "a q-value from 0 to 1", "2"),
        ("Server: a(b)", "white space", "(b)"),
        ("Session-Expires: 1;refresher=me", "uas or uac", "me"),
        ("SIP-ETag: a/b", "the end of the value", "/b"),
        ("Subject: a ", "no white space at the end", ""),
        ("Subscription-State: active;expires=x", "seconds below 2^32", "x"),
        ("Timestamp: x", "a time in seconds", "x"),
        ("User-to-User: ;x", "a token or a quoted string", ";x"),
        ("Warning: 1812 h.org \"x\"", "a code of three digits", "1812"),
        ("Warning: 399 h.org x", "a quoted string", "x"),
        ("Warning: 399  h.org \"x\"", "an agent", " h.org"),
        ("Warning: 399 a_b:5060 \"x\"", "one space", ":5060"),
        ("Warning: 399 [::1 \"x\"", "an IPv6 address in brackets", "[::1"),
        ("WWW-Authenticate: Digest realm=\"a\" ", "no white space at the end", " "),
        ("WWW-Authenticate: Digest domain=\"\"", "a URI scheme", "\""),
        ("WWW-Authenticate: Digest domain=\"/a sip:h.org;ttl=300\"", "a number up to 255", "300"),
        ("WWW-Authenticate: Digest domain=\"/a?b\"", "a character of a path", "?b"),
        ("Call-Info: <http://h/>;purpose=\"icon\"", "a token", "\"icon\""),
        ("Call-Info: <http://h/>;purpose", "'=' and a value", ""),
        ("Call-Info: <http://[::1]:80a/>", "'/', '?' or the end of the authority", "a/>"),
        ("Call-Info: <http://a[::1]/>", "'@' before the host", "[::1]"),
    ];
    for (line, expected, rest) in lines {
        fails(&with(line), line, expected, rest);
    }
    let own = [
        ("Via: SIP/2.0/UDP 192.0.2.256", "a host", "192"),
        ("Via: SIP/2.0/UDP h.org:65536", "a port", "65536"),
        ("Via: SIP/2.0/UDP h.org;ttl=0001", "at most three digits", "0001"),
        ("Via: SIP/2.0/UDP h.org;received=h.org", "an IP address without brackets", "h.org"),
        ("Via: SIP/2.0/UDP h.org, HTTP/2.0/TCP h.org", "\"SIP\"", "HTTP"),
        ("From: <sip:a@h.org>;tag=1;TAG=2", "each parameter once", "TAG"),
        ("From: <sip:a b@h.org>;tag=1", "a character of a user part", " b"),
        ("From: <sip:@h.org>;tag=1", "a user before '@'", "@"),
        ("From: <sip:a%4@h.org>;tag=1", "two hexadecimal digits after '%'", "%4"),
        ("From: <sip:a@h-.org>;tag=1", "a host", "h-"),
        ("From: <sip:a@h.1>;tag=1", "a host", "h.1"),
        ("From: <sip:a@[2001:db8:::192.0.2.1]>;tag=1", "an IPv6 address in brackets", "["),
        ("From: <sip:a@h.org;ttl=256>;tag=1", "a number up to 255", "256"),
        ("From: <sip:a@h.org;lr=on>;tag=1", "';', '?' or the end of the URI", "=on"),
        ("From: <sip:a@h.org?x>;tag=1", "'='", ">"),
        ("From: <sip:a@h.org;x;X>;tag=1", "each parameter once", "X"),
        ("From: <tel:7042>;tag=1", "phone-context", ">"),
        ("From: <tel:+-;ext=1>;tag=1", "a telephone number", "-;"),
        ("From: <tel:+1;ext=x>;tag=1", "a telephone number", "x>"),
        ("From: <mailto:>;tag=1", "more than a scheme", ">"),
        ("From: <mailto:a\\b>;tag=1", "a character of a URI", "\\b"),
        ("To: sip:a@h.org, sip:b@h.org", "the end of the value", ", sip"),
        ("To: \"a\u{e9}\" b <sip:a@h.org>", "'<'", "b <"),
        ("Call-ID: a@", "a word", ""),
        ("CSeq: 2147483648 INVITE", "a sequence number below 2^31", "2147"),
        ("Contact: <sip:a@h.org>;q=.5", "a q-value from 0 to 1", ".5"),
        ("Contact: <sip:a@h.org>;+sip.instance=\"urn:uuid:0\"", "'<' and '>' within the quotes", "\"urn"),
        ("Contact: <sip:a@h.org>;+sip.instance=\"<>\"", "'<' and '>' within the quotes", "\"<>"),
        ("Contact: <sip:a@h.org>;+sip.instance=\"<urn:a b>\"", "a character of a URI", " b>"),
        ("Contact: <sip:a@h.org>;+sip.instance=\"<urn:a%2>\"", "two hexadecimal digits after '%'", "%2>"),
        ("Contact: <sip:a@h.org>;reg-id=0;+sip.instance=\"<urn:a>\"", "a number above 0", "0;+"),
        ("Contact: <sip:a@h.org>;pub-gruu=gruu", "a quoted string", "gruu"),
        ("Contact: <sip:a@h.org>;temp-gruu", "'=' and a value", ""),
        ("Contact: <sip:a@h.org>;mp=1.01", "numbers with dots between them", "01"),
        ("Contact: <sip:a@h.org>;np=1.", "numbers with dots between them", ""),
        ("Contact: <sip:a@h.org>;rc", "'=' and a value", ""),
        ("Content-Type: text/plain;charset", "'=' and a value", ""),
        ("Content-Type: text/plain;charset=a;Charset=b", "each parameter once", "Charset=b"),
        ("Date: Thu, 21 Feb 2002 24:02:03 GMT", "an hour below 24", "24"),
        ("Date: Thu, 21 Feb 02 13:02:03 GMT", "four digits of a year", "02 "),
        ("Date: Thu, 30 Feb 2002 13:02:03 GMT", "a day of the month", "30"),
        ("Date: Thu, 21 Feb 2002 13:02:03 gmt", "GMT", "gmt"),
        ("Date: 2002-02-21", "the name of a day", "2002"),
    ];
    for (line, expected, rest) in own {
        fails(&instead(line), line, expected, rest);
    }
}

/// RFC 3261 §7.3.1, §19.1.1, RFC 3966 §3: that no name comes twice is written once for headers, once for SIP URIs, once for numbers.
#[test]
fn a_parameter_that_comes_twice_is_told_of_its_own_section() {
    let section = |line: &str| instead(line).findings().map(|finding| finding.section).collect::<Vec<_>>();
    assert_eq!(section("From: <sip:a@h.org>;tag=1;x;X"), ["RFC 3261 §7.3.1"]);
    assert_eq!(section("From: <sip:a@h.org;x;X>;tag=1"), ["RFC 3261 §19.1.1"]);
    assert_eq!(section("From: <tel:+1;x=1;X=2>;tag=1"), ["RFC 3966 §3"]);
}

/// RFC 3261 §20.10, §25.1: behind the asterisk there is white space or nothing. A form feed is none, and refused on receipt.
#[test]
fn an_asterisk_stands_alone() {
    let octets = Leniency::ORDINARY.replace("INVITE", "OPTIONS").replace("CSeq:", "Contact: *\u{c}\r\nCSeq:");
    let read = Datagram::read(octets.into_bytes().into(), &Limits::DEFAULT);
    let Datagram::Broken(message, _) = read else { panic!("{read:?}") };
    assert!(message.findings().any(|finding| finding.fault.header == Some(Name::Contact)));
}

/// RFC 3261 §7.1, §7.2, §25.1.
#[test]
fn start_lines() {
    let with_line = |line: &str| {
        let ordinary =
            if line.starts_with("SIP/") { Leniency::ORDINARY_RESPONSE } else { Leniency::ORDINARY };
        let (_, rest) = ordinary.split_once("\r\n").unwrap();
        Message::parse(format!("{line}\r\n{rest}").into_bytes())
            .unwrap_or_else(|fault| panic!("{line}: {fault}"))
    };
    let pass = [
        "INVITE sip:h.org SIP/2.0",
        "INVITE sips:a:b@[::1]:5061;method2=x;lr;maddr=h.org sip/2.0",
        "INVITE tel:+1(201)555.0123;ext=4 SIP/2.0",
        "INVITE nobodyKnowsThisScheme:totally.opaque/x?y SIP/2.0",
        "INVITE soap.beep://192.0.2.103:3002/a;b?c SIP/2.0",
        "INVITE http://[2001:db8::1]:80/ SIP/2.0",
        "SIP/2.0 486 ",
        "SIP/2.0 699 = 2*3 * \u{43d}%20\tx",
    ];
    for line in pass {
        passes(&with_line(line), line);
    }
    let fail = [
        ("INVITE sip:h.org\tSIP/2.0", "';', '?' or the end of the URI", "\t"),
        ("INVITE http://h.org\tSIP/2.0", "a character of a URI", "\t"),
        ("INVITE sip:h.org \tSIP/2.0", "one space only", "\t"),
        ("INVITE sip:h.org;method=BYE SIP/2.0", "no method in a Request-URI", "method"),
        ("INVITE sip:h.org?a=b SIP/2.0", "no header fields in a Request-URI", "?"),
        ("INVITE bob SIP/2.0", "a URI scheme", "bob"),
        ("INVITE http:///a[b SIP/2.0", "a character of a URI", "[b"),
        ("SIP/2.0 486 a#b", "a character of a reason phrase", "#"),
        ("SIP/2.0 486 50%", "a character of a reason phrase", "%"),
        ("SIP/2.0 486", "one space", ""),
    ];
    for (line, expected, rest) in fail {
        fails(&with_line(line), line, expected, rest);
    }
}

/// What parsing refuses, since framing or matching rests on it, is found as well when it is asked.
#[test]
fn broken_messages_have_findings() {
    let edit = |from: &str, to: &str, expected: &str, place: &str| {
        let text = Leniency::ORDINARY.replacen(from, to, 1);
        let Datagram::Broken(message, _) = Datagram::read(Bytes::from(text), &Limits::DEFAULT) else {
            panic!("{to} is received");
        };
        let finding = message.validate().unwrap_err();
        let rest = &message.as_bytes()[finding.fault.at..];
        assert_eq!(
            (finding.fault.expected, rest.starts_with(place.as_bytes())),
            (expected, true),
            "{finding}"
        );
    };
    edit("To: Bob <sip:bob@biloxi.example.com>\r\n", "", "the header", "");
    edit("1 INVITE", "1 BYE", "the request's method", "BYE");
    edit("Length: 0", "Length: 5", "a body as long as announced", "5");
    edit("70", "256", "a number up to 255", "256");
    edit("Date: ", "Date ", "a header name and ':'", "INVITE");
    edit("SIP/2.0\r", "SIP/2.1\r", "version SIP/2.0", "SIP/2.1");
    edit("Alice", "Al\u{1}ice", "'<' after a display name of tokens", "\u{1}ice");
    edit("Call-ID", "CSeq: 1 INVITE\r\nCall-ID", "one header of this name", "CSeq: 1 INVITE\r\nContact");
}

/// RFC 3261 §7.3.1: a continuation is part of the line before it, whether that is a header or not. An answer that says what is wrong
/// copies headers that the sender wrote.
#[test]
fn what_continues_a_line_that_is_left_out_is_left_out() {
    let to = "To: Bob <sip:bob@biloxi.example.com>\r\n";
    for odd in ["no colon\r\n ;tag=1\r\n", "no colon\r\n ;x\r\n\t;tag=1\r\n", " \r\n: x\r\n ;tag=1\r\n"] {
        let text = Leniency::ORDINARY.replacen(to, &format!("{to}{odd}"), 1);
        let Datagram::Broken(message, fault) = Datagram::read(Bytes::from(text), &Limits::DEFAULT) else {
            panic!("{odd:?} is received");
        };
        assert_eq!(fault.expected, "a header name and ':'", "{odd:?}");
        assert_eq!(message.value(Name::To), Some("Bob <sip:bob@biloxi.example.com>"), "{odd:?}");
        assert_eq!(message.validate().unwrap_err().section, "RFC 3261 §7.3", "{odd:?}");
    }
}

/// What a message owes beyond the grammar of its lines.
#[test]
fn what_a_message_owes() {
    let request = |method: &str, more: &str| {
        let text = Leniency::ORDINARY
            .replace("INVITE", method)
            .replace("Content-Type", &format!("{more}Content-Type"));
        let message = Message::parse(text.into_bytes()).unwrap();
        message.findings().map(|f| (f.fault.header.unwrap().as_str(), f.fault.expected)).collect::<Vec<_>>()
    };
    let none: [(&str, &str); 0] = [];
    // RFC 3261 §8.1.1.8.
    assert_eq!(request("INVITE", "m: <sip:c@h.org>\r\n"), [("Contact", "one Contact")]);
    assert_eq!(request("OPTIONS", "m: <sip:c@h.org>\r\n"), none);
    // RFC 3261 §10.2.2.
    assert_eq!(request("REGISTER", "Contact: *\r\n"), [("Contact", "'*' alone and in a REGISTER")]);
    let star = |more: &str| {
        let text = Leniency::ORDINARY.replace("INVITE", "REGISTER");
        let text = text.replace("Contact: <sip:alice@atlanta.example.com>\r\n", more);
        let message = Message::parse(text.into_bytes()).unwrap();
        message.findings().map(|f| (f.section, f.fault.expected)).collect::<Vec<_>>()
    };
    let unless_removed = [("RFC 3261 §10.2.2", "Expires: 0 beside '*'")];
    assert_eq!(star("Contact: *\r\nExpires: 00\r\n"), []);
    assert_eq!(star("Contact: *\r\n"), unless_removed);
    assert_eq!(star("Contact: *\r\nExpires: 3600\r\n"), unless_removed);
    // RFC 6665 §8.2.1 and §8.2.3, RFC 3515 §2.4.1, RFC 3262 §7.2, RFC 3903 §4.
    assert_eq!(request("SUBSCRIBE", ""), [("Event", "the header")]);
    assert_eq!(request("NOTIFY", "o: x\r\n"), [("Subscription-State", "the header")]);
    assert_eq!(request("REFER", ""), [("Refer-To", "the header")]);
    assert_eq!(request("PRACK", ""), [("RAck", "the header")]);
    assert_eq!(request("PUBLISH", "Event: x\r\n"), none);
    // RFC 3261 §7.3.1: compact or long, it is the same header.
    assert_eq!(request("BYE", "c: text/html\r\n"), [("Content-Type", "one header of this name")]);
    // RFC 3261 §20.44 and others.
    for (code, header) in [
        (401, "WWW-Authenticate"),
        (405, "Allow"),
        (407, "Proxy-Authenticate"),
        (420, "Unsupported"),
        (421, "Require"),
        (422, "Min-SE"),
        (423, "Min-Expires"),
        (469, "Recv-Info"),
    ] {
        let text = Leniency::ORDINARY_RESPONSE.replace("486", &code.to_string());
        let finding = Message::parse(text.into_bytes()).unwrap().validate().unwrap_err();
        assert_eq!(finding.fault.header.unwrap().as_str(), header);
    }
    // RFC 6665 §8.3.2: what RFC 3265 asked of a 489, it does not.
    let bad_event = Leniency::ORDINARY_RESPONSE.replace("486", "489");
    assert_eq!(Message::parse(bad_event.into_bytes()).unwrap().validate(), Ok(()));
    // RFC 3262 §3: a reliable provisional response has a number.
    let owes = |code: &str, more: &str| {
        let text = Leniency::ORDINARY_RESPONSE.replace("486", code).replace("CSeq", &format!("{more}CSeq"));
        let message = Message::parse(text.into_bytes()).unwrap();
        message.findings().map(|f| (f.section, f.fault.header)).collect::<Vec<_>>()
    };
    assert_eq!(owes("183", "Require: x, 100REL\r\n"), [("RFC 3262 §3", Some(Name::RSeq))]);
    assert_eq!(owes("183", "Require: 100rel\r\nRSeq: 1\r\n"), []);
    assert_eq!(owes("180", "Require: x\r\n"), []);
    assert_eq!(owes("200", "Require: 100rel\r\n"), []);
    // RFC 3261 §8.2.6.2: a 100 needs no tag.
    let trying = Leniency::ORDINARY_RESPONSE.replace("486", "100").replace(";tag=8321234356", "");
    assert_eq!(Message::parse(trying.into_bytes()).unwrap().validate(), Ok(()));
}

/// RFC 3261 §25.1: of control characters only those in a quoted pair are legal, CR and LF never.
#[test]
fn normalising_hides_nothing() {
    let edit = |from: &str, to: &str| {
        let text = Leniency::ORDINARY.replacen(from, to, 1);
        Message::parse(text.into_bytes()).map(|message| message.findings().next().map(|f| f.fault.expected))
    };
    // A fold sends each of these the slow way.
    assert_eq!(edit("To: Bob", "To:\r\n Bob"), Ok(None));
    assert_eq!(edit("To: Bob", "To:\r\n \r\n Bob"), Ok(Some("no fold of white space alone")));
    assert_eq!(edit("To: Bob", "To: \"\r\n \r\n Bob\""), Ok(None));
    assert_eq!(edit("Content-Type", "X-Any:\r\n\t\r\n y\r\nContent-Type"), Ok(None));
    // One `LWS` has one fold, and may be all that a line has behind its colon or a bracket.
    let more = |line: &str| edit("Content-Type", &format!("{line}\r\nContent-Type"));
    for line in ["Supported:\r\n ", "Accept: \r\n\t", "Subject:\r\n\t", "Route: <sip:h.org>\r\n  "] {
        assert_eq!(more(line), Ok(None), "{line:?}");
    }
    for line in ["Supported:\r\n \r\n x", "Expires: 1 \r\n \r\n\t", "Allow: \r\n \r\n "] {
        assert_eq!(more(line), Ok(Some("no fold of white space alone")), "{line:?}");
    }
    assert_eq!(more("Expires: 1\r\n "), Ok(Some("no white space at the end")));
    // A quoted pair has no CR; elsewhere a backslash is a character.
    for line in ["User-Agent: (a\\\r\n b)", "Reason: SIP;text=\"\\\\\\\r\n b\""] {
        assert_eq!(more(line), Ok(Some("a character that can be escaped")), "{line:?}");
    }
    for line in ["Subject: a\\\r\n b", "In-Reply-To: a\\\r\n , b", "Reason: SIP;text=\"\\\\\r\n b\""] {
        assert_eq!(more(line), Ok(None), "{line:?}");
    }
    assert_eq!(edit("To: Bob", "To:\n Bob"), Ok(Some("CR and LF")));
    assert_eq!(edit("INVITE sip:bob", "\r\nINVITE sip:bob"), Ok(Some("a start line")));
    assert_eq!(edit("CSeq: 1 INVITE\r\n", "CSeq: 1\r\n INVITE \r\n"), Ok(Some("no white space at the end")));
    assert_eq!(edit("SIP/2.0\r\nVia", "SIP/2.0\r\n \r\nVia"), Ok(Some("a start line in one line")));
    for (from, to) in [
        ("CSeq: 1 INVITE", "CSeq: 1\r\n INVITE\u{c}"),
        ("CSeq: 1 INVITE", "CSeq: 1\r\n \u{c}INVITE"),
        ("CSeq: 1 INVITE", "CSeq: 1\r\n INVITE\r"),
        ("CSeq: 1 INVITE", "CSeq\u{c}: 1\r\n INVITE"),
        ("CSeq: 1 INVITE", "CSeq\r: 1\r\n INVITE"),
    ] {
        assert_eq!(edit(from, to).map_err(|fault| fault.header), Err(None), "{to:?}");
    }
}

/// A message of lines that pass, in which some octets are then others.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let odd = select(&b" \t\r\n\0\x7f\xe9\xff;,:<>\"'\\()[]{}%@=/?*+-.&#aZ09"[..]);
    let edit = (any::<Index>(), odd, 0..3_u8);
    let lines = proptest::collection::vec(select(LINES), 0..5);
    let mut wholes =
        vec![Leniency::ORDINARY.as_bytes().to_vec(), Leniency::ORDINARY_RESPONSE.as_bytes().to_vec()];
    wholes.extend(OWN.iter().map(|own| instead(own).as_bytes().to_vec()));
    (lines, select(wholes), proptest::collection::vec(edit, 0..3)).prop_map(|(lines, mut octets, edits)| {
        let at = octets.windows(9).position(|piece| piece == b"\r\nContent").unwrap() + 2;
        let more: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        octets.splice(at..at, more.into_bytes());
        for (place, octet, kind) in edits {
            let at = place.index(octets.len());
            match kind {
                0 => octets[at] = octet,
                1 => octets.insert(at, octet),
                _ => _ = octets.remove(at),
            }
        }
        octets
    })
}

/// This many cases, or as many as `PROPTEST_CASES` says if that is more.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(1000), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    /// Strict is within lenient: what is refused on receipt has findings, and what has none can be read whole.
    #[test]
    fn strict_is_within_lenient(octets in messages()) {
        check_message(&octets);
    }

    /// RFC 3261 §7.3.1: folding is white space.
    #[test]
    fn a_fold_is_a_blank(octets in messages(), place in any::<Index>()) {
        let text = String::from_utf8(octets).unwrap_or_default();
        let head_end = text.find("\r\n\r\n").unwrap_or_default();
        let lines = text.find("\r\n").unwrap_or_default()..head_end;
        let colons: Vec<_> = text.match_indices(": ").map(|(at, _)| at).filter(|at| lines.contains(at)).collect();
        if colons.is_empty() {
            return Ok(());
        }
        let at = place.get(&colons) + 1;
        let folded = format!("{}\r\n{}", &text[..at], &text[at..]);
        let verdict = |text: String| Message::parse(text.into_bytes()).is_ok_and(|message| message.validate().is_ok());
        prop_assert_eq!(verdict(folded), verdict(text));
    }

    /// What is built passes.
    #[test]
    fn built_messages_pass(method in select(&Method::KNOWN[..]), cseq in 0..1_u32 << 31, body in any::<bool>()) {
        let request = Builder::request(&method, "sip:bob@192.0.2.4;transport=tcp")
            .header(Name::Via, "SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1;rport")
            .header(Name::MaxForwards, "70")
            .header(Name::From, "\"A\" <sip:alice@192.0.2.1>;tag=1")
            .header(Name::To, "<sip:bob@192.0.2.4>")
            .header(Name::CallId, "c")
            .cseq(cseq, &method)
            .header(Name::Contact, "<sip:alice@192.0.2.1>")
            .header(Name::Event, "presence")
            .header(Name::SubscriptionState, "active")
            .header(Name::ReferTo, "<sip:c@192.0.2.5>")
            .header(Name::RAck, "1 1 INVITE")
            .finish_with(body.then(|| Body::new("text/plain", "x")).as_ref())
            .unwrap();
        prop_assert_eq!(request.validate(), Ok(()));
        let answer = request.answer(StatusCode::OK, "OK", "t").finish().unwrap();
        prop_assert_eq!(answer.validate(), Ok(()));
    }
}

/// A call between two endpoints: whatever they send passes.
#[test]
fn what_endpoints_send_passes() {
    let places = [([192, 0, 2, 1], 5060).into(), ([192, 0, 2, 2], 5060).into()];
    let mut parties = ["alice", "bob"].map(|name| {
        let local = places[usize::from(name == "bob")];
        let mut sip: Endpoint =
            Endpoint::new(Config::new(&format!("sip:{name}@{local}")).unwrap(), [name.len() as u8; 32]);
        sip.handle_input(
            Timestamp::ZERO,
            Input::Bound(Bound { transport: Transport::Udp, local, advertised: None }),
        );
        sip
    });
    let sdp =
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let now = Timestamp::ZERO;
    parties[0].invite(now, Invite::to(format!("sip:bob@{}", places[1])).sdp(sdp)).unwrap();
    let mut sent = 0;
    while let Some((who, output)) =
        [0, 1].into_iter().find_map(|who| Some((who, parties[who].poll_output()?)))
    {
        match output {
            Output::Transmit(transmit) => {
                let octets: &[u8] = &transmit.payload;
                assert_eq!(Message::parse(octets.to_vec()).unwrap().validate(), Ok(()));
                sent += 1;
                let flow = Flow::udp(places[1 - who], places[who]);
                parties[1 - who].handle_input(now, Input::Datagram { flow, payload: octets.to_vec().into() });
            }
            Output::Event(Event::Incoming { server, request }) => {
                let mut handle = parties[who].server(server).unwrap();
                match request.method() {
                    Method::Invite => {
                        _ = handle
                            .progress(now, Reply::new())
                            .unwrap()
                            .accept(now, Reply::new().sdp(sdp))
                            .unwrap();
                    }
                    _ => _ = handle.accept(now, Reply::new()).unwrap(),
                }
            }
            Output::Event(Event::Client {
                event: sip_proto::ClientEvent::Accepted { dialog: Some(dialog), response },
                ..
            }) if *response.method() == Method::Invite => {
                parties[who].dialog(dialog).unwrap().info(now, "text/plain", "x").unwrap();
                parties[who].dialog(dialog).unwrap().destroy(now).unwrap();
            }
            _ => {}
        }
    }
    assert!(sent >= 6, "{sent} messages");
}

/// RFC 3261 §7: a bare CR is some receivers' line end. In the start line as in a header, no control character is received.
#[test]
fn the_start_line_has_no_control_characters() {
    let uri = Leniency::ORDINARY.replacen("sip:bob@", "sip:bob\r@", 1);
    let reason = Leniency::ORDINARY_RESPONSE.replacen("Busy", "Bu\u{1}sy", 1);
    for (text, at) in [(uri, 14), (reason, 14)] {
        let Datagram::Broken(message, fault) = Datagram::read(Bytes::from(text), &Limits::DEFAULT) else {
            panic!()
        };
        assert_eq!((fault.expected, fault.at), ("no control character", at));
        assert_eq!(message.validate().unwrap_err().fault.at, at);
    }
}
