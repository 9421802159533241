//! What time it is where AWS is: the system's clock, or that of a simulated AWS.

use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// What a clock shows.
pub fn time_at(clock: &SharedTimeSource) -> Timestamp {
    // What is not between the years -9999 and 9999 is no time.
    Timestamp::try_from(clock.now()).unwrap_or_default()
}

/// A moment that AWS tells, to the second; `None` where it is no time.
pub(super) fn moment(at: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(at.secs()).ok()
}
