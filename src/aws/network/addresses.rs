//! The plan of private addresses: a network a region, and a part of it a zone.

use ipnet::Ipv4Net;

use crate::fleet::Region;

/// A region's network, `10.x.0.0/16`: always the same, and in most pairs of regions another, so
/// that two can be peered.
pub(super) fn network_of(region: &Region) -> Ipv4Net {
    let x = region.as_str().bytes().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    Ipv4Net::new_assert([10, x, 0, 0].into(), 16)
}

/// The sixteenth of the network that belongs to the zone with this letter, whatever other zones
/// there are: a zone that opens later finds its place free.
pub(super) fn part_of(network: Ipv4Net, letter: &str) -> Option<Ipv4Net> {
    let &[letter @ b'a'..=b'p'] = letter.as_bytes() else { return None };
    network.subnets(20).ok()?.nth(usize::from(letter - b'a'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_has_its_own_part_of_the_network() {
        let network: Ipv4Net = "10.7.0.0/16".parse().unwrap();
        let part = |letter| part_of(network, letter).map(|part| part.to_string());
        assert_eq!(part("a").as_deref(), Some("10.7.0.0/20"));
        assert_eq!(part("c").as_deref(), Some("10.7.32.0/20"));
        assert_eq!(part("p").as_deref(), Some("10.7.240.0/20"));
        assert_eq!(part("q"), None);
        assert_eq!(part("-lax-1a"), None);
    }
}
