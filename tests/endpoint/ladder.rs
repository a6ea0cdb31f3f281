//! Ladders that are kept.

use std::path::Path;

use sip_proto::testing::Network;

/// The ladder so far is the one in `tests/ladders/NAME.txt`; `BLESS=1` writes it.
pub(crate) fn golden(name: &str, net: &Network) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/ladders/{name}.txt"));
    let drawn = net.ladder().to_string();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, drawn).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(drawn == expected, "{name} has changed (BLESS=1 accepts it):\n{drawn}\ninstead of:\n{expected}");
}
