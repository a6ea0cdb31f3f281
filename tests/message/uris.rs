//! URIs through the public API: parts, text, escapes, equality (RFC 3261 §19.1, RFC 3966, RFC 5954).

use proptest::prelude::*;
use sip_proto::message::{
    Component, Host, Params, PhoneContext, SipUri, TelUri, Uri, escape, octets, unescape,
};
use sip_proto::{Method, Transport};

fn uri(text: &str) -> Uri<'_> {
    Uri::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn sip(text: &str) -> SipUri<'_> {
    uri(text).sip().unwrap()
}

fn tel(text: &str) -> TelUri<'_> {
    uri(text).tel().unwrap()
}

/// Equality, which is symmetric, and reflexive on both.
fn equal(one: &str, two: &str) -> bool {
    let (a, b) = (uri(one), uri(two));
    assert_eq!(a.equals(&b), b.equals(&a), "{one} and {two}: not symmetric");
    assert!(a.equals(&a) && b.equals(&b), "{one} or {two}: not reflexive");
    a.equals(&b)
}

// --- RFC 3261 §19.1.1 to §19.1.3: the parts ---

#[test]
fn the_examples_of_section_19_1_3() {
    let alice = sip("sip:alice@atlanta.com");
    assert_eq!((alice.scheme(), alice.user, alice.host), ("sip", Some("alice"), Host::Name("atlanta.com")));
    assert_eq!((alice.password, alice.port, alice.headers), (None, None, None));
    assert_eq!(alice.params, Params::default());

    let secret = sip("sip:alice:secretword@atlanta.com;transport=tcp");
    assert_eq!((secret.user, secret.password), (Some("alice"), Some("secretword")));
    assert_eq!(secret.transport(), Some(Transport::Tcp));

    let project = sip("sips:alice@atlanta.com?subject=project%20x&priority=urgent");
    assert!(project.secure && project.scheme() == "sips");
    let fields: Vec<_> =
        project.header_fields().map(|field| (field.name, unescape(field.value).unwrap())).collect();
    assert_eq!(fields, [("subject", "project x".into()), ("priority", "urgent".into())]);

    let gateway = sip("sip:+1-212-555-1212:1234@gateway.com;user=phone");
    assert_eq!((gateway.user, gateway.password), (Some("+1-212-555-1212"), Some("1234")));
    assert_eq!((gateway.user_kind(), gateway.phone()), (Some("phone"), Some(tel("tel:+1-212-555-1212"))));

    assert_eq!(sip("sips:1212@gateway.com").phone(), None);
    assert_eq!(sip("sip:alice@192.0.2.4").host, Host::Ip([192, 0, 2, 4].into()));

    let register = sip("sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com");
    assert_eq!(register.method().and_then(Method::parse), Some(Method::Register));
    let to = register.header_fields().next().unwrap();
    assert_eq!((to.name, unescape(to.value).unwrap()), ("to", "alice@atlanta.com".into()));

    assert_eq!(sip("sip:alice;day=tuesday@atlanta.com").user, Some("alice;day=tuesday"));
}

#[test]
fn unusual_users_and_passwords() {
    // RFC 4475 §3.1.1.2: every kind of character that the user and the password may have.
    let unusual = sip(
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
    );
    assert_eq!(unusual.user, Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(unusual.password, Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"));
    assert_eq!(unusual.host, Host::Name("example.com"));
    // RFC 4475 §3.1.1.3, §3.1.1.9: what is escaped is part of the user, and the user ends at the first '@'.
    let escaped = sip("sip:sips%3Auser%40example.com@example.net");
    assert_eq!(escaped.user.and_then(unescape).as_deref(), Some("sips:user@example.com"));
    let semicolon = sip("sip:user;par=u%40example.net@example.com");
    assert_eq!((semicolon.user, semicolon.params.as_str()), (Some("user;par=u%40example.net"), ""));
}

#[test]
fn parameters_have_their_accessors() {
    let multicast = sip("sip:alice@atlanta.com;maddr=239.255.255.1;ttl=15");
    assert_eq!((multicast.maddr(), multicast.ttl()), (Some(Host::Ip([239, 255, 255, 1].into())), Some(15)));
    assert_eq!(sip("sip:h;ttl=256").ttl(), None);
    assert_eq!(sip("sip:h;maddr=[2001:db8::1]").maddr().and_then(Host::ip), "2001:db8::1".parse().ok());
    assert!(sip("sip:h;lr").is_loose() && sip("sip:h;LR=on").is_loose() && !sip("sip:h;lrx").is_loose());
    // RFC 5626 §4.3, RFC 5627 §3.1: flow and GRUU.
    assert!(sip("sip:h;ob").is_outbound() && !sip("sip:ob@h").is_outbound());
    assert_eq!(sip("sip:a@h;gr=urn:uuid:f81d4fae").gruu(), Some(Some("urn:uuid:f81d4fae")));
    assert_eq!((sip("sip:a@h;gr").gruu(), sip("sip:a@h").gruu()), (Some(None), None));
    // §7.3.1: a parameter without a value and one with an empty value are two things.
    let params = sip("sip:h;a;b=;;c=1=2").params;
    assert_eq!(
        (params.get("a"), params.get("b"), params.get("c")),
        (Some(None), Some(Some("")), Some(Some("1=2")))
    );
    assert_eq!(params.get("d"), None);
    assert_eq!(sip("sip:h;transport=carrier-pigeon").transport(), None);
}

#[test]
fn header_fields_come_as_they_are_written() {
    let fields = |text| sip(text).header_fields().map(|field| (field.name, field.value)).collect::<Vec<_>>();
    assert_eq!(fields("sip:h?a=b&c=d=e&f&&=g&h="), [("a", "b"), ("c", "d=e"), ("f", ""), ("h", "")]);
    assert_eq!(fields("sip:h?"), []);
    assert_eq!(fields("sip:h"), []);
    assert_eq!((sip("sip:h?").headers, sip("sip:h").headers), (Some(""), None));
}

#[test]
fn ports_fit_sixteen_bits() {
    // RFC 3261 §25.1: `port = 1*DIGIT`; leading zeros and 0 itself are legible.
    for (text, port) in [("sip:h:1", 1), ("sip:h:65535", 65_535), ("sip:h:0005060", 5060), ("sip:h:0", 0)] {
        assert_eq!(sip(text).port, Some(port));
    }
    for text in [
        "sip:h:65536",
        "sip:h:",
        "sip:h:-1",
        "sip:h:+1",
        "sip:h: 1",
        "sip:h :1",
        "sip:h:1x",
        "sip:h:99999999999",
    ] {
        assert!(Uri::parse(text).is_err(), "{text}");
    }
}

#[test]
fn addresses_follow_the_corrected_grammar() {
    // RFC 5954 §4.1.
    for text in [
        "[::]",
        "[::1]",
        "[1:2:3:4:5:6:7:8]",
        "[1:2:3:4:5:6:7::]",
        "[::2:3:4:5:6:7:8]",
        "[1::8]",
        "[::ffff:192.0.2.1]",
        "[2001:db8::192.0.2.1]",
        "[1:2:3:4:5:6:192.0.2.1]",
        "[::FFFF:129.144.52.38]",
    ] {
        let text = format!("sip:bob@{text}:5061;lr");
        let parsed = sip(&text);
        assert!(parsed.host.ip().is_some_and(|ip| ip.is_ipv6()), "{text}");
        assert_eq!((parsed.port, parsed.is_loose()), (Some(5061), true));
    }
    // §3.1: the extra colon of the old grammar, which RFC 5118 §4.10 tells receivers to tolerate.
    assert_eq!(sip("sip:bob@[2001:db8:::192.0.2.1]").host, sip("sip:bob@[2001:db8::192.0.2.1]").host);
    // What never was an address.
    for text in [
        "[2001:db8:::1]",
        "[1:2:3:4:5:6:7:8:9]",
        "[1::2::3]",
        "[12345::]",
        "[::1",
        "::1",
        "[]",
        "[::g]",
        "[1:2:3:4:5:6:7]",
        "[::256.0.0.1]",
        "[::192.0.2]",
        "[fe80::1%25eth0]",
        "[192.0.2.1]",
        "[1:2:3:4:5:6:7:8::]",
    ] {
        assert!(Uri::parse(&format!("sip:bob@{text}")).is_err(), "{text}");
    }
    // RFC 5954 §4.1: an octet is at most 255 and has no leading zero. What is no address is only a name.
    assert_eq!(sip("sip:bob@255.255.255.255").host.ip(), "255.255.255.255".parse().ok());
    for text in ["sip:bob@444.555.666.777", "sip:bob@192.00.02.128", "sip:bob@1.2.3"] {
        assert_eq!(sip(text).host.ip(), None, "{text}");
    }
}

#[test]
fn text_is_canonical_where_there_is_a_form() {
    for (read, written) in [
        ("SIPS:alice:p@H:05061;X=1?A=b", "sips:alice:p@H:5061;X=1?A=b"),
        // RFC 5954 §5: as RFC 5952 has it.
        ("sip:bob@[2001:DB8:0:0::9:01]", "sip:bob@[2001:db8::9:1]"),
        ("sip:bob@[::FFFF:c000:280]:1", "sip:bob@[::ffff:192.0.2.128]:1"),
        ("TEL:+1-201;ext=1", "tel:+1-201;ext=1"),
        ("URN:Service:SOS", "URN:Service:SOS"),
        ("sip:h?", "sip:h?"),
    ] {
        assert_eq!(uri(read).to_string(), written);
    }
}

// --- RFC 3261 §19.1.4: equality ---

#[test]
fn the_sets_that_are_equivalent() {
    let sets: [&[&str]; 7] = [
        &["sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"],
        &["sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"],
        &["sip:carol@chicago.com", "sip:carol@chicago.com;security=on"],
        // The three of one set: equal each to each.
        &["sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"],
        &[
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ],
        &[
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ],
        &["SIP:h", "sip:H"],
    ];
    for set in sets {
        for (one, two) in set.iter().flat_map(|one| set.iter().map(move |two| (one, two))) {
            assert!(equal(one, two), "{one} and {two}");
        }
    }
}

#[test]
fn the_sets_that_are_not_equivalent() {
    for (one, two) in [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ] {
        assert!(!equal(one, two), "{one} and {two}");
    }
}

#[test]
fn equality_is_not_transitive() {
    let (plain, on, off) =
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off");
    assert!(equal(plain, on) && equal(plain, off) && !equal(on, off));
}

#[test]
fn addresses_are_equal_by_value() {
    // RFC 5954 §4.2.
    for (one, two) in [
        ("sip:bob@[::ffff:192.0.2.128]", "sip:bob@[::ffff:c000:280]"),
        ("sip:bob@[2001:db8::9:1]", "sip:bob@[2001:db8::9:01]"),
        ("sip:bob@[0:0:0:0:0:FFFF:129.144.52.38]", "sip:bob@[::FFFF:129.144.52.38]"),
        ("sip:bob@h;maddr=[::1]", "sip:bob@h;maddr=[0::1]"),
    ] {
        assert!(equal(one, two), "{one} and {two}");
    }
    // Binary values of different length.
    assert!(!equal("sip:bob@[::ffff:192.0.2.128]", "sip:bob@192.0.2.128"));
    // RFC 5954 §4.1: this is no address.
    assert!(!equal("sip:bob@192.0.2.128", "sip:bob@192.00.02.128"));
}

#[test]
fn every_rule_of_section_19_1_4() {
    let unequal = [
        // A SIP and SIPS URI are never equivalent.
        ("sip:bob@h", "sips:bob@h"),
        // The userinfo has case, password and telephone-subscriber included.
        ("sip:bob:Pass@h", "sip:bob:pass@h"),
        (
            "sip:+358-555-1234567;postd=pp22@foo.com;user=phone",
            "sip:+358-555-1234567;POSTD=PP22@foo.com;user=phone",
        ),
        ("sip:+1-201@h;user=phone", "sip:+1201@h;user=phone"),
        // What is omitted equals nothing, defaults included.
        ("sip:h", "sip:bob@h"),
        ("sip:bob@h", "sip:bob:@h"),
        ("sip:bob@h;user=ip", "sip:bob@h"),
        ("sip:bob@h;ttl=1", "sip:bob@h"),
        ("sip:bob@h;method=INVITE", "sip:bob@h"),
        ("sip:bob@h;maddr=h", "sip:bob@h"),
        ("sip:bob@h:5060", "sip:bob@h:5061"),
        // A parameter in both must match.
        ("sip:h;x=1", "sip:h;x=2"),
        ("sip:h;x", "sip:h;x="),
        ("sip:h;lr", "sip:h;lr=on"),
        // RFC 3261 §7.1: methods have case.
        ("sip:h;method=INVITE", "sip:h;method=invite"),
        // Header fields are never ignored: neither their number nor their values.
        ("sip:h?a=b", "sip:h?a=c"),
        ("sip:h?a=b", "sip:h?a=b&a=b"),
        ("sip:h?route=a&route=b", "sip:h?route=b&route=a"),
        ("sip:h?a=b", "sip:h"),
        // A reserved character is not its escape; nor is `%` one of its own.
        ("sip:a%3Bb@h", "sip:a;b@h"),
        ("sip:a%2fb@h", "sip:a/b@h"),
        ("sip:a%2541@h", "sip:aA@h"),
        ("sip:a%25@h", "sip:a%@h"),
        ("sip:h;x=%3a", "sip:h;x=:"),
        ("sip:h?x=%3a", "sip:h?x=:"),
        // §19.1.2: no escapes in hosts, so names that differ.
        ("sip:bob@example.com", "sip:bob@example.com.invalid"),
    ];
    for (one, two) in unequal {
        assert!(!equal(one, two), "{one} and {two}");
    }
    let equals = [
        // Escapes equal their character, in every component but the host; the hexadecimal digits have no case.
        ("sip:a%c3%bc:%70@h", "sip:a%C3%BC:p@h"),
        ("sip:a%3bb@h", "sip:a%3Bb@h"),
        ("sip:h;%75ser=%50hone", "sip:h;user=phone"),
        ("sip:h?%53ubject=%61", "sip:h?subject=a"),
        ("sip:%41@h", "sip:A@h"),
        // Case elsewhere.
        ("sip:h;X=Y?A=B", "sip:H;x=y?a=b"),
        // Order.
        ("sip:h;a=1;b=2;c", "sip:h;c;b=2;a=1"),
        ("sip:h?route=a&x=1&route=b", "sip:h?route=a&route=b&x=1"),
        // What is in one only is ignored.
        ("sip:h;lr;a", "sip:h;ob;b=2"),
    ];
    for (one, two) in equals {
        assert!(equal(one, two), "{one} and {two}");
    }
}

#[test]
fn other_schemes_compare_byte_by_byte() {
    assert!(equal("URN:service:sos", "urn:service:sos"));
    assert!(!equal("urn:service:sos", "urn:service:SOS"));
    assert!(!equal("urn:service:sos", "urx:service:sos"));
    assert!(!equal("tel:+1", "sip:+1@h;user=phone") && !equal("tel:1", "urn:1") && !equal("sip:h", "urn:h"));
    assert_eq!(
        (uri("MailTo:a@b").scheme(), uri("SIPS:h").scheme(), uri("TEL:1").scheme()),
        ("MailTo", "sips", "tel")
    );
}

// --- RFC 3966 ---

#[test]
fn telephone_numbers_have_parts() {
    let global = tel("tel:+1-201-555-0123;ext=12-3;x=y");
    assert!(global.is_global());
    assert_eq!((global.number, global.extension()), ("+1-201-555-0123", Some("12-3")));
    assert_eq!(global.digits().collect::<String>(), "+12015550123");
    // §6.
    let domain = tel("tel:7042;phone-context=example.com");
    assert_eq!(
        (domain.is_global(), domain.phone_context()),
        (false, Some(PhoneContext::Domain("example.com")))
    );
    let prefix = tel("tel:863-1234;phone-context=+1-914-555");
    assert_eq!(prefix.phone_context(), Some(PhoneContext::Digits("+1-914-555")));
    assert_eq!(tel("tel:1;isub=a%3Bb").isdn_subaddress(), Some("a%3Bb"));
    let mandatory: Vec<_> = tel("tel:+1;M-a=1;m;x;m-b").mandatory().map(|param| param.name).collect();
    assert_eq!(mandatory, ["M-a", "m-b"]);
    // §5.1.3: letters and signs of local numbers.
    assert_eq!(tel("tel:*#06a;phone-context=+1").digits().collect::<String>(), "*#06a");
    for text in ["tel:", "tel:+", "tel:-.()", "tel:x", "tel:+1 2", "tel:%2B1", "tel:;ext=1", "tel:1%"] {
        assert!(Uri::parse(text).is_err(), "{text}");
    }
}

#[test]
fn telephone_numbers_in_the_user_part() {
    // RFC 3261 §19.1.2: '#' has to be escaped there.
    let star = sip("sip:*67%2312;phone-context=%2B1@gw.example.com;user=PHONE").phone().unwrap();
    assert_eq!(star.digits().collect::<String>(), "*67#12");
    assert!(equal("tel:*67%2312;phone-context=example.com", "tel:*67#12;phone-context=EXAMPLE.com"));
    // RFC 3261 §19.1.1: only `user=phone` makes a number of it, and only a number.
    assert_eq!(sip("sip:+12015550123@h;user=ip").phone(), None);
    assert_eq!(sip("sip:bob.smith@h;user=phone").phone(), None);
    assert_eq!(sip("sip:h;user=phone").phone(), None);
}

#[test]
fn telephone_numbers_compare_by_rfc_3966() {
    // RFC 3966 §4.
    for (one, two) in [
        ("tel:+1-201-555-0123", "tel:+1(201)555.0123"),
        ("tel:+1;ext=1-2", "tel:+1;ext=12"),
        ("tel:+1;a=b;c=d", "tel:+1;C=D;A=B"),
        ("tel:12;phone-context=+1-914", "tel:1-2;phone-context=+19.14"),
        ("tel:12;phone-context=Example.COM", "tel:12;phone-context=example.com"),
        ("tel:AB;phone-context=+1", "tel:ab;phone-context=+1"),
        ("tel:+1;isub=%61", "tel:+1;isub=A"),
        // RFC 3261 §19.1.6.
        ("tel:+358-555-1234567;postd=pp22", "tel:+358-555-1234567;POSTD=PP22"),
    ] {
        assert!(equal(one, two), "{one} and {two}");
    }
    for (one, two) in [
        ("tel:+12015550123", "tel:12015550123"),
        ("tel:+12", "tel:+13"),
        // A name that only one has.
        ("tel:+1", "tel:+1;ext=1"),
        ("tel:+1;a", "tel:+1;b"),
        ("tel:+1;ext=1", "tel:+1;isub=1"),
        ("tel:12;phone-context=+1", "tel:12;phone-context=+2"),
        // Only digits have separators.
        ("tel:12;phone-context=ex-ample.com", "tel:12;phone-context=example.com"),
        ("tel:12;phone-context=+1", "tel:12;phone-context=1"),
        ("tel:+1;isub=1-2", "tel:+1;isub=12"),
        ("tel:+1;isub=a", "tel:+1;isub"),
    ] {
        assert!(!equal(one, two), "{one} and {two}");
    }
}

// --- properties ---

/// Text that is often nearly a URI.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("sip:"),
        Just("sips:"),
        Just("tel:"),
        Just("urn:"),
        Just("alice"),
        Just("ALICE"),
        Just(":"),
        Just("@"),
        Just("h"),
        Just("192.0.2.1"),
        Just("[::1]"),
        Just("[::01]"),
        Just(":5060"),
        Just(";"),
        Just(";x=1"),
        Just(";X=2"),
        Just(";transport=tcp"),
        Just(";user=phone"),
        Just(";phone-context=+1-2"),
        Just(";ext=1.2"),
        Just(";lr"),
        Just("?"),
        Just("?a=b"),
        Just("&c=d"),
        Just("%41"),
        Just("%61"),
        Just("%3b"),
        Just("%"),
        Just("+1-201"),
        Just("1.2"),
        Just(" "),
        Just("\u{fc}"),
    ];
    let likely = (prop_oneof![Just("sip:"), Just("sip:a@"), Just("tel:+1"), Just("tel:1")], Just("h"));
    let tail = proptest::collection::vec(piece, 0..8);
    prop_oneof![
        3 => (likely, tail.clone()).prop_map(|((head, host), tail)| {
            let host = if head.starts_with("tel") { "" } else { host };
            format!("{head}{host}{}", tail.concat())
        }),
        1 => tail.prop_map(|tail| tail.concat()),
        1 => any::<String>(),
    ]
}

fn components() -> impl Strategy<Value = Component> {
    prop_oneof![
        Just(Component::User),
        Just(Component::Password),
        Just(Component::Parameter),
        Just(Component::Header)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// What is written parses to the same.
    #[test]
    fn display_after_parse_is_identity(text in texts()) {
        if let Ok(parsed) = Uri::parse(&text) {
            let written = parsed.to_string();
            prop_assert_eq!(Uri::parse(&written), Ok(parsed));
            prop_assert!(parsed.equals(&uri(&written)));
            // What was canonical stays as it was.
            prop_assert_eq!(uri(&written).to_string(), written);
        }
    }

    /// Everything that can be asked of a URI has an answer, and equality is symmetric and reflexive.
    #[test]
    fn nothing_panics(one in texts(), two in texts()) {
        let (one, two) = (Uri::parse(&one), Uri::parse(&two));
        for uri in [one, two].into_iter().flatten() {
            prop_assert!(uri.equals(&uri));
            if let Some(sip) = uri.sip() {
                let _ = (sip.transport(), sip.maddr(), sip.ttl(), sip.method(), sip.phone(), sip.gruu());
                let _ = (sip.is_loose(), sip.is_outbound(), sip.header_fields().count(), sip.params.iter().count());
            }
            if let Some(tel) = uri.tel() {
                let _ = (tel.digits().count(), tel.phone_context(), tel.mandatory().count());
            }
        }
        if let (Ok(one), Ok(two)) = (one, two) {
            prop_assert_eq!(one.equals(&two), two.equals(&one));
            prop_assert!(one != two || one.equals(&two));
        }
    }

    /// The same parts in another order, with other case and escapes, are equal. (Compact header names would meet long ones.)
    #[test]
    fn order_case_and_escapes_do_not_matter(names in proptest::collection::btree_set("[a-z]{2,3}", 0..10), turn in 0..10_usize) {
        let list: Vec<_> = names.into_iter().collect();
        let mut turned = list.clone();
        turned.rotate_left(if list.is_empty() { 0 } else { turn % list.len() });
        let write = |list: &[String], name: &dyn Fn(&str) -> String| {
            list.iter().map(|text| format!(";{}={text}", name(text))).collect::<String>()
        };
        let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let plain = write(&list, &str::to_owned);
        let behind = |head: &str, list: &str| [head, list].concat();
        for name in [&str::to_uppercase as &dyn Fn(&str) -> String, &escaped] {
            let other = write(&turned, name);
            for head in ["sip:h", "tel:+1"] {
                prop_assert!(equal(&behind(head, &plain), &behind(head, &other)));
            }
            if !plain.is_empty() {
                let headers = |list: &str| behind("sip:h?", &list[1..].replace(';', "&"));
                prop_assert!(equal(&headers(&plain), &headers(&other)));
            }
        }
    }

    /// What is escaped and unescaped is as before, and stands in its component.
    #[test]
    fn unescape_after_escape_is_identity(text in any::<String>(), component in components()) {
        let written = escape(&text, component).to_string();
        let plain = unescape(&written);
        prop_assert_eq!(plain.as_deref(), Some(&*text));
        prop_assert!(octets(&written).eq(text.bytes()));
        if text.is_empty() {
            return Ok(());
        }
        let whole = match component {
            Component::User => format!("sip:{written}:p@h;lr"),
            Component::Password => format!("sip:u:{written}@h;lr"),
            Component::Parameter => format!("sip:u:p@h;{written}={written};lr"),
            _ => format!("sip:u:p@h;lr?{written}={written}&b=c"),
        };
        let parsed = sip(&whole);
        let found = match component {
            Component::User => parsed.user,
            Component::Password => parsed.password,
            Component::Parameter => parsed.params.value(&written),
            _ => parsed.header_fields().next().map(|field| field.value),
        };
        prop_assert_eq!(found, Some(&*written));
        prop_assert!(parsed.is_loose());
    }

    /// URIs made of parts parse to these parts.
    #[test]
    fn what_is_made_of_parts_parses_to_them(
        secure in any::<bool>(), user in any::<String>(), password in proptest::option::of(any::<String>()),
        six in any::<[u8; 16]>(), port in proptest::option::of(any::<u16>()), value in ".+",
    ) {
        let user = escape(&user, Component::User).to_string();
        let password = password.map(|password| escape(&password, Component::Password).to_string());
        let params = format!(";x={}", escape(&value, Component::Parameter));
        let headers = format!("subject={}", escape(&value, Component::Header));
        let made = SipUri {
            secure,
            user: (!user.is_empty()).then_some(&*user),
            password: password.as_deref().filter(|_| !user.is_empty()),
            host: Host::Ip(std::net::IpAddr::from(six)),
            port,
            params: Params::new(&params),
            headers: Some(&headers),
        };
        let written = made.to_string();
        prop_assert_eq!(Uri::parse(&written), Ok(Uri::Sip(made)));
    }
}
