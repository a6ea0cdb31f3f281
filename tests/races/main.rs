//! Races: what crosses on the wire, and what is lost or late, between two endpoints, three with a proxy between them, and against a peer that is
//! played by hand (RFC 5407 §§2–3, RFC 3261 §§12–15, RFC 3262 §§3–5, RFC 3311 §5).
//!
//! Each race runs in both orders of arrival, at several distances in time, over UDP and TCP, and over UDP with each of its datagrams lost
//! once. The plain runs over UDP are kept as ladders in `tests/ladders/races`; `BLESS=1` writes them anew. All of them are held against
//! the same properties: see [`scene`] and [`wire`].
//!
//! Where each flow of RFC 5407 is (those of [`peer`] against a peer by hand, since an endpoint does not send what makes them):
//!
//! | RFC 5407 | what meets | tests |
//! |---|---|---|
//! | §2 figure 1, new tags | 1xx × 1xx, 2xx × 2xx of two forks | `forks::forked_180s`, `forks::forked_200s`, `forks::forked_200s_that_are_kept` |
//! | §2 figure 1, 2xx after CANCEL or BYE | 2xx × the end of its early dialog | `forks::cancel_and_the_200_of_a_fork`, `forks::a_2xx_after_another_forks_487`, `peer::a_200_after_the_bye_of_its_early_dialog` |
//! | §2 figure 2, BYE / 487 | BYE × ringing | `peer::a_bye_while_ringing`, `ending::cancel_and_rejection` |
//! | §2, the Mortal state | anything × BYE | `peer::requests_after_our_bye` |
//! | §3.1.1 | INVITE again × 200 | `ending::the_invite_comes_again_during_the_200` |
//! | §3.1.2 | CANCEL × 200 | `ending::cancel_and_200`, `ending::destroy_while_early_and_200` |
//! | §3.1.3 | early BYE × 200 | `peer::an_early_bye_crosses_the_200`, `peer::a_200_after_the_bye_of_its_early_dialog` |
//! | §3.1.4 | re-INVITE × 200 again | `sessions::a_reinvite_before_the_ack`, `sessions::a_reinvite_crosses_the_200_again`, `sessions::an_update_before_the_ack` |
//! | §3.1.5 | the same, the answer in the ACK | `sessions::a_reinvite_before_the_ack_that_answers`, `sessions::an_update_before_the_ack` |
//! | §3.1.6 | BYE × 200 again | `ending::bye_and_200_again`, `ending::bye_and_200_again_with_an_offer` |
//! | §3.2.1 | BYE × BYE | `ending::bye_and_bye` |
//! | §3.2.2 | BYE × re-INVITE, UPDATE | `ending::bye_and_reinvite`, `ending::bye_and_update`, `routes::strict_router_bye_and_reinvite`, `numbers::a_bye_overtakes_a_reinvite` |
//! | §3.2.3 | BYE × 200 to re-INVITE | `ending::bye_during_a_reinvite_of_ones_own`, `ending::bye_and_the_200_of_a_reinvite`, `peer::a_200_to_our_reinvite_after_their_bye`, `peer::a_200_to_our_reinvite_after_our_bye` |
//! | §3.2.4 | BYE × ACK | `ending::bye_and_ack`, `ending::a_bye_that_waits_for_a_lost_ack`, `peer::an_ack_after_our_bye` |
//! | §3.3.1 | re-INVITE × re-INVITE | `sessions::reinvite_and_reinvite`, `sessions::refresh_by_reinvite_and_move`, `routes::strict_router_reinvite_and_reinvite` |
//! | §3.3.2 | UPDATE × re-INVITE, UPDATE × UPDATE, with and without descriptions | `sessions::update_and_reinvite`, `sessions::update_and_update`, `sessions::refresh_and_hold`, `sessions::refresh_and_update` |
//! | §3.3.3 | REFER × BYE | `ending::refer_and_bye` |
//!
//! What other RFCs have crossing: PRACK in [`prack`], numbers out of order in [`numbers`], targets and routes in [`routes`].

#[expect(dead_code, reason = "the endpoint's tests use all of it")]
#[path = "../support/mod.rs"]
mod support;

mod ending;
mod forks;
mod numbers;
mod peer;
mod prack;
mod proxy;
mod routes;
mod scene;
mod sessions;
mod wire;
