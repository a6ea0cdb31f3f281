//! The example that shows a message as a tree.

#[allow(dead_code, reason = "an example has a main of its own")]
#[path = "../../examples/dissect.rs"]
mod example;

fn shown(text: &str) -> (bool, String) {
    let mut out = String::new();
    let is_received = example::dissect(text.as_bytes(), &mut out).unwrap();
    (is_received, out)
}

#[test]
fn a_message_is_a_tree_with_its_findings() {
    let text = "MESSAGE sip:b@h.org;lr SIP/2.0\r\n\
        v: SIP/2.0/UDP h.org:5061;branch=z9hG4bK1;rport\r\n\
        Max-Forwards: 70\r\n\
        From: \"A\" <sip:a@h.org>;tag=1\r\n\
        To: <sip:b@h.org>\r\n\
        Call-ID: c\r\n\
        CSeq: 1 MESSAGE\r\n\
        X-Any: y\r\n\
        Date: today\r\n\
        Content-Type: text/plain;charset=UTF-8\r\n\
        Content-Length: 2\r\n\r\nhi";
    let (is_received, out) = shown(text);
    assert!(is_received);
    let expected = "     0  request  MESSAGE
     8    URI  sip:b@h.org;lr
    12      user  b
    20      ;lr
    32  Via (compact)  SIP/2.0/UDP h.org:5061;branch=z9hG4bK1;rport
    43    transport  UDP
    47    sent-by  h.org:5061
    58      ;branch  z9hG4bK1
    74      ;rport
    81  Max-Forwards  70
    99  From  \"A\" <sip:a@h.org>;tag=1
   105    display name  \"A\"
   110    URI  sip:a@h.org
   114      user  a
   123    ;tag  1
";
    assert!(out.starts_with(expected), "{out}");
    assert!(out.contains("\n   178  X-Any (unknown)  y\n"), "{out}");
    let body = text.find("hi").unwrap();
    assert!(out.contains(&format!("\n{body:>6}  body  2 bytes, text/plain;charset=UTF-8\n")), "{out}");
    let end = "\nstrictness findings: 1\n  Date: expected the name of a day at byte 194 (RFC 3261 §20.17)\n";
    assert!(out.ends_with(end), "{out}");
}

#[test]
fn a_refusal_points_at_its_byte() {
    let text = "MESSAGE sip:b@h.org SIP/2.0\r\n\
        Via: SIP/2.0/UDP h.org;branch=z9hG4bK1\r\n\
        Max-Forwards: 70\r\n\
        From: \"A <sip:a@h.org>;tag=1\r\n\
        To: <sip:b@h.org>\r\n\
        Call-ID: c\r\n\
        CSeq: 1 MESSAGE\r\n\r\n";
    let (is_received, out) = shown(text);
    assert!(!is_received);
    let end =
        "refused: From: expected a closing quote at byte 93\n  From: \"A <sip:a@h.org>;tag=1\n        ^\n";
    assert!(out.ends_with(end), "{out}");
    let (is_received, out) = shown("SIP/2.0 2000 x\r\n\r\n");
    assert!(!is_received);
    assert!(out.ends_with("  SIP/2.0 2000 x\n          ^\n"), "{out}");
}
