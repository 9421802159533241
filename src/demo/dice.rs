//! Chance with a seed: the same seed and name give the same throws, whatever else happens.

use jiff::SignedDuration;

/// A splitmix64 generator (Steele, Lea, Flood 2014): small, and good enough for a story.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// The dice that this name has under this seed. Two regions do not disturb each other's luck.
    pub(super) fn named(seed: u64, name: &str) -> Self {
        // FNV-1a: the name only has to spread.
        let spread = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut dice = Self(seed ^ spread);
        dice.throw();
        dice
    }

    /// 64 even bits.
    pub(super) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, not including, 1.
    pub(super) fn part(&mut self) -> f64 {
        f64::from(u32::try_from(self.throw() >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }

    /// A span between two numbers of seconds.
    pub(super) fn seconds(&mut self, from: f64, to: f64) -> SignedDuration {
        let seconds = from + (to - from) * self.part();
        SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::ZERO)
    }

    /// An id of the old kind, which spot requests still have: the prefix and 8 letters and digits.
    pub(super) fn short_id(&mut self, prefix: &str) -> String {
        const SIGNS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut left = self.throw();
        let mut id = format!("{prefix}-");
        for _ in 0..8 {
            let sign = usize::try_from(left % 36).unwrap_or(0);
            id.push(char::from(SIGNS[sign]));
            left /= 36;
        }
        id
    }

    /// An EC2 id: the prefix and 17 hexadecimal digits.
    pub(super) fn id(&mut self, prefix: &str) -> String {
        let (high, low) = (self.throw(), self.throw());
        format!("{prefix}-0{high:016x}{low:016x}").chars().take(prefix.len() + 18).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_name_throw_the_same() {
        let throws = |seed, name| {
            let mut dice = Dice::named(seed, name);
            [dice.throw(), dice.throw()]
        };
        assert_eq!(throws(1, "us-west-2"), throws(1, "us-west-2"));
        assert_ne!(throws(1, "us-west-2"), throws(1, "us-west-1"));
        assert_ne!(throws(1, "us-west-2"), throws(2, "us-west-2"));
    }

    #[test]
    fn ids_look_like_ec2s_and_parts_stay_parts() {
        let mut dice = Dice::named(7, "x");
        let id = dice.id("i");
        assert_eq!(id.len(), 19, "{id}");
        assert!(id[2..].bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        for _ in 0..1000 {
            assert!((0.0..1.0).contains(&dice.part()));
        }
        let span = dice.seconds(3.0, 8.0).as_secs_f64();
        assert!((3.0..8.0).contains(&span));
    }
}
