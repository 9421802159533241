//! The world's time: tokio's, so that a paused clock pauses the world, and any number of times as
//! fast.

use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// What time it is in a world. Cheap to copy. It is also the SDK's time source, so that
/// signatures and expiry follow it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    base: Timestamp,
    start: Instant,
    speed: f64,
}

impl Clock {
    /// A clock that shows `base` now and runs `speed` times as fast as tokio's. A speed that is
    /// not a positive number counts as 1.
    pub fn new(base: Timestamp, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        Self { base, start: Instant::now(), speed }
    }

    /// The time in the world.
    pub fn now(&self) -> Timestamp {
        let elapsed = self.start.elapsed().as_secs_f64() * self.speed;
        let elapsed = SignedDuration::try_from_secs_f64(elapsed).unwrap_or(SignedDuration::MAX);
        self.base.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// When the world began.
    pub fn base(&self) -> Timestamp {
        self.base
    }

    /// How many times as fast as tokio's it runs.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// How long a span of the world's time takes outside.
    pub fn outside(&self, span: Duration) -> Duration {
        span.div_f64(self.speed)
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        Self::now(self).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_world_follows_tokios_clock_at_its_own_speed() {
        let base: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
        let clock = Clock::new(base, 60.0);
        assert_eq!(clock.now(), base);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(clock.now().duration_since(base).as_secs(), 120);
        assert_eq!(clock.outside(Duration::from_mins(1)), Duration::from_secs(1));
        let nonsense = Clock::new(base, f64::NAN);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(nonsense.now().duration_since(base).as_secs(), 5);
    }
}
