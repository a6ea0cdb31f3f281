//! A transaction machine, beside its model.

use crate::testing::transaction::Course;

/// Takes a transaction through the [`Course`] that `octets` stand for, side by side with the reference model.
///
/// # Panics
/// When the two differ.
pub fn check_transaction(octets: &[u8]) {
    let course = Course::from_octets(octets);
    let run = course.run();
    assert!(run.is_ok(), "{}\n{course:#?}", run.err().unwrap_or_default());
}
