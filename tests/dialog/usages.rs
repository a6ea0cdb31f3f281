//! What failures do to usages, held against its transcription from RFC 5057, code by code.

use std::collections::BTreeMap;
use std::time::Duration;

use sip_proto::dialog::{Failure, Impact};
use sip_proto::{Message, Method, StatusCode};

const TABLE: &str = include_str!("../rfc/usages.tsv");

fn rows() -> BTreeMap<&'static str, Impact> {
    let lines = TABLE.lines().skip(1).filter(|line| !line.starts_with('#'));
    let rows: Vec<(&str, Impact)> = lines
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            assert_eq!(cells.len(), 4, "{line}");
            let impact = match cells[1] {
                "transaction" => Impact::Transaction,
                "usage" => Impact::Usage,
                "dialog" => Impact::Dialog,
                other => panic!("{other}"),
            };
            (cells[0], impact)
        })
        .collect();
    let table: BTreeMap<_, _> = rows.iter().copied().collect();
    assert_eq!(table.len(), rows.len(), "a code stands twice");
    table
}

/// RFC 5057 §5.1 Table 2: every code, known or not.
// Holds: 5057-5.1-1, 5057-5.1-2, 5057-5.1-4, 5057-5.1-5, 5057-5.1-8
#[test]
fn every_code_has_its_impact() {
    let rows = rows();
    for code in 300..=699_u16 {
        let class = format!("{}xx", code / 100);
        let expected = rows.get(code.to_string().as_str()).or_else(|| rows.get(class.as_str())).unwrap();
        assert_eq!(Impact::of(StatusCode::new(code).unwrap()), *expected, "{code}");
    }
}

/// RFC 5057 §5.2, RFC 3261 §8.1.3.1: what is no answer at all.
#[test]
fn silence_has_its_impact() {
    let rows = rows();
    assert_eq!(Failure::Timeout.impact(&Method::Notify), rows["timeout"]);
    assert_eq!(Failure::TransportError.impact(&Method::Notify), rows["transport_error"]);
}

/// RFC 5057 §5.1, seen from a NOTIFY: only the remark on 408 changes what the table says.
// Holds: 5057-5.1-3, 5057-5.1-6, 5057-5.1-7, 5057-5.1-12, 5057-5.1-17
#[test]
fn a_notify_follows_the_table() {
    for code in 300..=699_u16 {
        let status = StatusCode::new(code).unwrap();
        let expected = if code == 408 { Impact::Usage } else { Impact::of(status) };
        assert_eq!(Failure::response(status).impact(&Method::Notify), expected, "{code}");
    }
}

/// RFC 6665 §4.2.2: the codes that remove a subscription from its notifier, in that RFC's own words.
#[test]
fn the_list_of_rfc_6665_agrees() {
    let removes = [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604];
    for code in (400..=699_u16).filter(|code| ![408, 502].contains(code)) {
        let impact = Failure::response(StatusCode::new(code).unwrap()).impact(&Method::Notify);
        assert_eq!(impact != Impact::Transaction, removes.contains(&code), "{code}");
    }
}

/// RFC 3261 §20.33, RFC 5057 §5.1: what a failure says, and when its sender may be asked again; nothing but a failure says it.
#[test]
fn what_an_answer_says_of_a_failure() {
    let said = |start: &str, lines: &str| {
        let head = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2";
        let text = format!("{start}\r\n{head}\r\nCall-ID: c\r\nCSeq: 7 NOTIFY\r\n{lines}\r\n");
        Failure::of(&Message::parse(text).unwrap())
    };
    let (refused, retry) = ("SIP/2.0 503 X", "Retry-After: 3600 (maintenance)\r\n");
    let (status, hour) = (StatusCode::SERVICE_UNAVAILABLE, Some(Duration::from_secs(3600)));
    assert_eq!(said(refused, retry), Some(Failure::Response { status, retry_after: hour }));
    assert_eq!(said(refused, ""), Some(Failure::response(status)));
    assert_eq!(said(refused, "Retry-After: soon\r\n"), Some(Failure::response(status)));
    for none in ["SIP/2.0 200 OK", "SIP/2.0 100 Trying", "NOTIFY sip:b@h SIP/2.0"] {
        assert_eq!(said(none, retry), None, "{none}");
    }
}
