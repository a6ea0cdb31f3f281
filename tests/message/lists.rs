//! Lists, parameters, quoted strings and comments through the public API (RFC 3261 §7.3.1, §25.1).

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use sip_proto::Message;
use sip_proto::message::{Address, Contact, List, MediaType, Name, Params, Reason, RetryAfter, Via, unquote};

/// A request with these header lines behind those that every request has.
fn text(lines: &[&str]) -> String {
    let usual = [
        "OPTIONS sip:b@h SIP/2.0",
        "Via: SIP/2.0/UDP h;branch=z9hG4bK1",
        "From: <sip:a@h>;tag=1",
        "To: <sip:b@h>",
        "Call-ID: c",
        "CSeq: 1 OPTIONS",
    ];
    [&usual[..], lines, &["", ""]].concat().join("\r\n")
}

fn message(lines: &[&str]) -> Message {
    Message::parse(text(lines)).unwrap()
}

fn list(value: &str) -> Vec<&str> {
    List::new(value).collect()
}

fn params(text: &str) -> Vec<(&str, Option<&str>)> {
    Params::new(text).iter().map(|param| (param.name, param.value)).collect()
}

// --- several values ---

#[test]
fn one_line_and_many_lines_are_the_same_list() {
    // RFC 3261 §7.3.1's three forms of one Route.
    let forms: [&[&str]; 3] = [
        &[
            "Route: <sip:alice@atlanta.com>",
            "Subject: Lunch",
            "Route: <sip:bob@biloxi.com>",
            "Route: <sip:carol@chicago.com>",
        ],
        &[
            "Route: <sip:alice@atlanta.com>, <sip:bob@biloxi.com>",
            "Route: <sip:carol@chicago.com>",
            "Subject: Lunch",
        ],
        &[
            "Subject: Lunch",
            "Route: <sip:alice@atlanta.com>, <sip:bob@biloxi.com>,",
            "      <sip:carol@chicago.com>",
        ],
    ];
    for lines in forms {
        let message = message(lines);
        let routes: Vec<_> = message.routes().map(|route| route.unwrap().uri).collect();
        assert_eq!(routes, ["sip:alice@atlanta.com", "sip:bob@biloxi.com", "sip:carol@chicago.com"]);
        assert_eq!(message.elements(Name::Route).count(), 3);
        assert_eq!(message.headers("subject").collect::<Vec<_>>(), ["Lunch"]);
    }
}

#[test]
fn long_and_compact_names_are_one_list_in_order() {
    // RFC 3261 §7.3.3.
    let message = message(&["Contact: <sip:a@h>", "m: <sip:b@h>, sip:c@h", "CONTACT: *"]);
    let uris: Vec<_> = message
        .contacts()
        .map(|contact| match contact.unwrap() {
            Contact::Star => "*",
            Contact::Address(address) => address.uri,
        })
        .collect();
    assert_eq!(uris, ["sip:a@h", "sip:b@h", "sip:c@h", "*"]);
    assert_eq!(message.headers("m").collect::<Vec<_>>(), ["<sip:a@h>", "<sip:b@h>, sip:c@h", "*"]);
    assert_eq!(message.contact().unwrap().unwrap().uri, "sip:a@h");
}

#[test]
fn commas_in_quotes_and_brackets_do_not_separate() {
    assert_eq!(
        list(r#""Watson, T." <sip:w@h;x=1,2>;tag="a,b" ,<sip:v,w@h>,"\"," <sip:u@h>"#),
        [r#""Watson, T." <sip:w@h;x=1,2>;tag="a,b""#, "<sip:v,w@h>", r#""\"," <sip:u@h>"#]
    );
    // A backslash escapes the next character, itself included.
    assert_eq!(list(r#""a\\", "b\\\",c", d"#), [r#""a\\""#, r#""b\\\",c""#, "d"]);
    // Quotes inside brackets, brackets inside quotes.
    assert_eq!(list(r#"<sip:a"b@h>, "<" <sip:c@h>, d"#), [r#"<sip:a"b@h>"#, r#""<" <sip:c@h>"#, "d"]);
}

#[test]
fn what_never_closes_hides_the_rest() {
    // RFC 4475 §3.1.2.6 in kind: the typed view refuses the one element that is left.
    for value in [r#"a, "b, c"#, r#"a, "b\", c"#, "a, <b, c"] {
        let elements = list(value);
        assert_eq!(elements, ["a", value.strip_prefix("a, ").unwrap()]);
        assert!(Address::parse(elements[1]).is_err());
    }
}

#[test]
fn empty_elements_are_left_out() {
    assert_eq!(list(" , a,, b ,\t,"), ["a", "b"]);
    for value in ["", " ", ",", " ,\t, "] {
        assert_eq!(list(value).len(), 0, "{value:?}");
    }
    // An empty quoted string is an element.
    assert_eq!(list("\"\",a"), ["\"\"", "a"]);
    // RFC 3261 §20.37: an empty Supported is another thing than none.
    let empty = message(&["Supported:"]);
    assert_eq!((empty.value(Name::Supported), empty.supported().count()), (Some(""), 0));
    assert_eq!(message(&[]).value(Name::Supported), None);
}

#[test]
fn unknown_headers_are_read_like_known_ones() {
    let message = message(&["X-List: a;p=1, \"b,c\"", "x-other: z", "x-LIST :", "\t d"]);
    let elements: Vec<_> = message.headers("x-list").flat_map(List::new).collect();
    assert_eq!(elements, ["a;p=1", "\"b,c\"", "d"]);
    let (_, tail) = elements[0].split_once('a').unwrap();
    assert_eq!(Params::new(tail).value("P"), Some("1"));
    assert_eq!(message.headers("X-Absent").count(), 0);
}

#[test]
fn one_element_in_many_is_refused_alone() {
    let message = message(&["Via: SIP/2.0/TCP a;branch=1, SIP/2.0, SIP/2.0/UDP c"]);
    let hosts: Vec<_> = message.via().map(|via| via.map(|via| via.host.to_string()).ok()).collect();
    assert_eq!(hosts, [Some("h".into()), Some("a".into()), None, Some("c".into())]);
    let fault = message.via().find_map(Result::err).unwrap();
    let at = text(&["Via: SIP/2.0/TCP a;branch=1, SIP/2.0, SIP/2.0/UDP c"]).find("SIP/2.0, ").unwrap();
    assert_eq!((fault.header, fault.at), (Some(Name::Via), at + "SIP/2.0".len()));
}

#[test]
fn what_may_stand_once_is_refused_twice() {
    // RFC 3261 §7.3.1: only list headers may repeat.
    for line in
        ["To: <sip:x@h>", "f: <sip:x@h>", "i: d", "CSeq: 1 OPTIONS", "Max-Forwards: 1\r\nMax-Forwards: 1"]
    {
        let fault = Message::parse(text(&[line])).unwrap_err();
        assert!(fault.to_string().contains("expected one header of this name"), "{line}: {fault}");
    }
    assert!(Message::parse(text(&["v: SIP/2.0/UDP g", "Via: SIP/2.0/UDP f"])).is_ok());
}

// --- parameters ---

#[test]
fn absent_valueless_and_empty_are_three_things() {
    let found = Params::new(";a;b=;c=\"\";d=x");
    assert_eq!((found.get("a"), found.get("b")), (Some(None), Some(Some(""))));
    assert_eq!((found.get("c"), found.get("d"), found.get("e")), (Some(Some("\"\"")), Some(Some("x")), None));
    assert_eq!((found.value("a"), found.value("b"), found.value("e")), (None, Some(""), None));
    assert_eq!(found.value("c").map(unquote).as_deref(), Some(""));
    // Such as rport, which a client sends without a value (RFC 3581 §3).
    let via = |text| Via::parse(text).unwrap().params.get("rport");
    assert_eq!(via("SIP/2.0/UDP h;rport"), Some(None));
    assert_eq!(via("SIP/2.0/UDP h;rport=1"), Some(Some("1")));
    assert_eq!(via("SIP/2.0/UDP h"), None);
}

#[test]
fn parameters_come_in_order_without_their_white_space() {
    assert_eq!(
        params(" ; a = 1 ;\tb ; c=\"x;y=z\" ;;d=a=b; =x"),
        [("a", Some("1")), ("b", None), ("c", Some("\"x;y=z\"")), ("d", Some("a=b"))]
    );
    assert_eq!(params(""), []);
    assert_eq!(params(";"), []);
    assert_eq!(params(r#";a="\"";b="\\";c"#), [("a", Some(r#""\"""#)), ("b", Some(r#""\\""#)), ("c", None)]);
    // An unclosed quote takes what is left.
    assert_eq!(params(";a=\"x;b=1"), [("a", Some("\"x;b=1"))]);
}

#[test]
fn of_parameters_with_one_name_the_first_counts() {
    // RFC 3261 §7.3.1 forbids the second; all of them can be read.
    let twice = Params::new(";tag=a;x;TAG=b");
    assert_eq!((twice.value("Tag"), twice.iter().count()), (Some("a"), 3));
    assert_eq!(Address::parse("<sip:a@h>;tag=1;tag=2").unwrap().tag(), Some("1"));
    // Also where the first has no value.
    assert_eq!(Params::new(";a;a=1").get("a"), Some(None));
}

#[test]
fn parameters_of_a_uri_are_not_those_of_its_header() {
    // RFC 3261 §20.10.
    let inside = Address::parse("<sip:a@h;x=1?y=2>;z=3").unwrap();
    assert_eq!((inside.uri, inside.params.as_str()), ("sip:a@h;x=1?y=2", ";z=3"));
    let outside = Address::parse("sip:a@h;x=1").unwrap();
    assert_eq!((outside.uri, outside.params.value("x")), ("sip:a@h", Some("1")));
}

#[test]
fn any_header_with_parameters_reads_them_alike() {
    let kind = MediaType::parse("text / plain ; charset = \"utf-8\" ;x").unwrap();
    assert_eq!(
        (kind.params.value("Charset").map(unquote).as_deref(), kind.params.get("x")),
        (Some("utf-8"), Some(None))
    );
    let reason = Reason::parse("Q.850;cause=16;text=\"Terminated, \\\"normally\\\"\"").unwrap();
    assert_eq!(reason.text().as_deref(), Some("Terminated, \"normally\""));
    // RFC 3326 §2: several reasons in a line, one of them with a comma in quotes.
    let message = message(&["Reason: Q.850;cause=16;text=\"a, b\", SIP;cause=600"]);
    let causes: Vec<_> = message.reasons().map(|reason| reason.unwrap().cause()).collect();
    assert_eq!(causes, [Some(16), Some(600)]);
}

// --- quoted strings and comments ---

#[test]
fn quoted_strings_lose_quotes_and_escapes() {
    for (written, plain) in [
        (r#""""#, ""),
        (r#""a b""#, "a b"),
        (r#""\"\\\a\,""#, r#""\a,"#),
        ("\"\u{fc}\\\u{fc}\"", "\u{fc}\u{fc}"),
        // What is no quoted string stays.
        ("a", "a"),
        ("", ""),
        ("\"", "\""),
        ("a\"b\"", "a\"b\""),
        ("\"a", "\"a"),
        (r"a\b", r"a\b"),
    ] {
        assert_eq!(unquote(written), plain, "{written}");
    }
    assert!(matches!(unquote("\"plain\""), std::borrow::Cow::Borrowed("plain")));
}

#[test]
fn a_quoted_string_is_not_one_when_its_last_quote_is_escaped() {
    // RFC 3261 §25.1: what closes is a quote that no backslash escapes.
    assert_eq!(unquote(r#""a\""#), r#""a\""#);
    assert_eq!(unquote(r#""a\\""#), r"a\");
}

#[test]
fn quoted_pairs_may_hold_any_ascii_but_line_ends() {
    // RFC 3261 §25.1 `quoted-pair`.
    let message = message(&["Subject: x", "P-Asserted-Identity: \"a\\\u{1},\\\"b\" <sip:a@h>, <tel:+1>"]);
    let names: Vec<_> = message
        .asserted_identities()
        .map(|identity| identity.unwrap().display_name().map(std::borrow::Cow::into_owned))
        .collect();
    assert_eq!(names, [Some("a\u{1},\"b".into()), None]);
}

#[test]
fn comments_nest() {
    // RFC 3261 §20.33, §25.1 `comment`.
    let comment =
        |text: &'static str| RetryAfter::parse(text).map(|retry| retry.comment).map_err(|fault| fault.at);
    assert_eq!(comment("5 (a (b (c)) d);duration=1"), Ok(Some("a (b (c)) d")));
    assert_eq!(comment("5 ()"), Ok(Some("")));
    assert_eq!(comment(r"5 (\) \( \\)"), Ok(Some(r"\) \( \\")));
    assert_eq!(comment("5 (;,\"<)"), Ok(Some(";,\"<")));
    assert_eq!(comment("5"), Ok(None));
    for unclosed in ["5 (", "5 (a (b)", r"5 (a\)"] {
        assert_eq!(comment(unclosed), Err(unclosed.len()), "{unclosed}");
    }
    assert_eq!(comment("5 (a))"), Err(5));
    // In other headers parentheses are part of the value.
    let message = message(&["User-Agent: a (b, (c)) d"]);
    assert_eq!(message.value(Name::UserAgent), Some("a (b, (c)) d"));
}

// --- hostile sizes ---

#[test]
fn long_lists_and_parameters_end() {
    // As long as a head may be, and longer than any value in one.
    const SIZE: usize = 1 << 16;
    for piece in [
        ",", "a,", "\"", "\"\",", "\"a\"", "\\", "\"\\", "<", "<>,", "<,", ";", ";a", ";a=\"", ";a=\"\"",
        "=", "(", "()", " ",
    ] {
        for head in ["", "\"", "<", ";a=\"", "5 (", "x "] {
            let text = format!("{head}{}", piece.repeat(SIZE / piece.len()));
            let count = List::new(&text).count() + Params::new(&text).iter().count();
            let _ = (
                Params::new(&text).get("absent"),
                unquote(&text),
                Address::parse(&text),
                RetryAfter::parse(&text),
            );
            assert!(count <= 2 * SIZE, "{head}{piece}: {count}");
        }
    }
}

// --- properties ---

/// `text` as a quoted string.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn tokens() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9.!%*_+`'~-]{1,6}"
}

/// What a quoted string may hold on one line.
fn contents() -> impl Strategy<Value = String> {
    "[ -~\u{a0}-\u{fff}]{0,8}"
}

fn white_space() -> impl Strategy<Value = String> {
    "[ \t]{0,2}"
}

fn elements() -> impl Strategy<Value = String> {
    prop_oneof![
        tokens(),
        contents().prop_map(|text| quote(&text)),
        (contents(), "[a-z,;]{0,6}", contents()).prop_map(|(name, user, value)| {
            format!("{} <sip:{user}@h;x=1,2>;a={}", quote(&name), quote(&value))
        }),
        (tokens(), contents()).prop_map(|(token, value)| format!("{token};a=1;b={}", quote(&value))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn unquote_after_quote_is_identity(text in any::<String>()) {
        let written = quote(&text);
        prop_assert_eq!(unquote(&written), text);
        prop_assert_eq!(list(&written), [&*written]);
    }

    /// Elements come out of a message as they went in, however they are spread over lines and white space.
    #[test]
    fn elements_survive_any_layout(
        groups in vec(vec((elements(), white_space(), white_space()), 0..4), 0..5), empty in any::<bool>(), fold in any::<bool>(),
    ) {
        let comma = match (empty, fold) {
            (true, true) => ",,\r\n ",
            (true, false) => ", ,",
            (false, true) => "\r\n\t,",
            (false, false) => ",",
        };
        let line = |group: &Vec<(String, String, String)>| {
            let elements: Vec<_> = group.iter().map(|(text, before, after)| format!("{before}{text}{after}")).collect();
            format!("Accept-Contact: {}", elements.join(comma))
        };
        let lines: Vec<_> = groups.iter().map(line).collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let message = message(&lines);
        let expected = || groups.iter().flatten().map(|(text, _, _)| &**text);
        prop_assert!(message.elements(Name::AcceptContact).eq(expected()));
        prop_assert!(message.headers("a").flat_map(List::new).eq(expected()));
    }

    /// Parameters come out as they went in; the first of a name is the one that is found.
    #[test]
    fn parameters_survive_any_layout(
        list in vec((tokens(), option::of(prop_oneof![tokens(), contents().prop_map(|text| quote(&text))])), 0..6),
        space in white_space(),
    ) {
        let text: String = list
            .iter()
            .map(|(name, value)| match value {
                Some(value) => format!(";{space}{name}{space}={space}{value}{space}"),
                None => format!("{space};{name}{space}"),
            })
            .collect();
        let expected: Vec<_> = list.iter().map(|(name, value)| (&**name, value.as_deref())).collect();
        prop_assert_eq!(params(&text), expected);
        for (name, _) in &list {
            let first = list.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).unwrap();
            prop_assert_eq!(Params::new(&text).get(&name.to_ascii_uppercase()), Some(first.1.as_deref()));
        }
    }

    /// Elements lie in their list, in order, trimmed, and splitting one again changes nothing. Nothing panics.
    #[test]
    fn splitting_is_idempotent(text in prop_oneof!["[\"<>,;=\\\\ a(]{0,24}", any::<String>()]) {
        let mut end = text.as_ptr() as usize;
        for element in List::new(&text) {
            prop_assert!(element.as_ptr() as usize >= end && !element.is_empty());
            end = element.as_ptr() as usize + element.len();
            prop_assert_eq!(element.trim_matches([' ', '\t', '\r', '\n']), element);
            prop_assert_eq!(list(element), [element]);
        }
        for param in Params::new(&text).iter() {
            prop_assert!(!param.name.is_empty());
        }
    }
}
