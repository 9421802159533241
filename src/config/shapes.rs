//! What the names and ids of AWS look like. Whether they exist, only AWS knows.

/// Whether this is a region's code: `us-west-2`, `us-gov-east-1`, `eusc-de-east-1`.
pub(super) fn is_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let Some(first) = parts.next() else { return false };
    let rest: Vec<&str> = parts.collect();
    let Some((number, words)) = rest.split_last() else { return false };
    (2..=4).contains(&first.len())
        && is_lower(first)
        && !words.is_empty()
        && words.iter().all(|word| is_lower(word))
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_lower(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// The full name of a zone of `region`, which is written in full or as what follows the region's
/// code: `a`, or `-lax-1a` for a local zone.
pub(super) fn zone_name(text: &str, region: &str) -> Option<String> {
    let rest = text.strip_prefix(region).unwrap_or(text);
    let (last, group) = rest.as_bytes().split_last()?;
    let fits = last.is_ascii_lowercase()
        && (group.is_empty() || (group[0] == b'-' && group.len() > 1 && is_dashed(group)));
    fits.then(|| format!("{region}{rest}"))
}

fn is_dashed(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}

/// Whether this is an instance type: `t3.medium`, `u-6tb1.metal`, `m7i-flex.large`.
pub(super) fn is_machine_type(text: &str) -> bool {
    text.split_once('.').is_some_and(|(family, size)| {
        family.starts_with(|c: char| c.is_ascii_lowercase())
            && family.bytes().any(|byte| byte.is_ascii_digit())
            && is_dashed(family.as_bytes())
            && !size.is_empty()
            && is_dashed(size.as_bytes())
    })
}

/// Whether this is a resource's id: the prefix, a dash, and 8 or 17 hexadecimal digits.
pub(super) fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')).is_some_and(|digits| {
        matches!(digits.len(), 8 | 17)
            && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Whether this can be the value of the tag `DeploymentId` and a part of names.
pub fn is_deployment(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Whether this is a Linux user's name as `useradd` takes it.
pub(super) fn is_user(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

/// Whether this is a key pair's name (CreateKeyPair: up to 255 ASCII characters).
pub(super) fn is_key_pair(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Whether this is an instance profile's name (CreateInstanceProfile: `[\w+=,.@-]{1,128}`).
pub(super) fn is_profile(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

/// Whether this is a web address.
pub(super) fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && rest.bytes().all(|byte| (b'!'..=b'~').contains(&byte))
    })
}

/// Whether this names a container image and the version of it: by a tag other than `latest`, or by
/// a digest.
pub(super) fn is_pinned_image(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
    let (name, version) = match text.split_once("@sha256:") {
        Some((name, digest)) => (name, digest),
        // A colon before the last slash is that of a port.
        None => match text.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
            Some((name, tag)) if !tag.starts_with("latest") => (name, tag),
            _ => return false,
        },
    };
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !version.is_empty()
        && text.bytes().all(plain)
}

/// Whether this is a package's name (Debian Policy 5.6.1).
pub(super) fn is_package(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() >= 2
        && text.starts_with(plain)
        && text.chars().all(|c| plain(c) || "+-.".contains(c))
}

/// Whether the last part of this path is a systemd unit's name that can be enabled.
pub(super) fn is_unit(text: &str) -> bool {
    let name = text.rsplit('/').next().unwrap_or_default();
    let Some((stem, kind)) = name.rsplit_once('.') else { return false };
    ["service", "timer", "path", "mount"].contains(&kind)
        && !stem.is_empty()
        && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_pinned() {
        for good in ["ghcr.io/a/b:v1.2.3", "localhost:5000/a:1", "a@sha256:0123abcd"] {
            assert!(is_pinned_image(good), "{good}");
        }
        for bad in ["a", "a:latest", "a:latest-dind", "localhost:5000/a", ":v1", "a: v1", "a:"] {
            assert!(!is_pinned_image(bad), "{bad}");
        }
    }

    #[test]
    fn packages_and_units_have_their_shapes() {
        assert!(is_package("libstdc++6") && is_package("jq"));
        assert!(!is_package("-y") && !is_package("a b") && !is_package("J"));
        assert!(is_unit("units/my-job.service") && is_unit("a@1.timer"));
        assert!(!is_unit("a.conf") && !is_unit(".service") && !is_unit("a b.service"));
    }

    #[test]
    fn regions_of_all_partitions_have_the_shape() {
        for region in ["us-west-2", "ap-southeast-7", "us-gov-east-1", "us-iso-west-1"] {
            assert!(is_region(region), "{region}");
        }
        assert!(is_region("eusc-de-east-1"));
        for other in ["us-west", "us-west-2a", "us-2", "US-west-2", "u-west-2", "us--2", "", "-"] {
            assert!(!is_region(other), "{other}");
        }
    }

    #[test]
    fn a_zone_is_named_by_its_letter_or_in_full() {
        assert_eq!(zone_name("a", "us-west-2").as_deref(), Some("us-west-2a"));
        assert_eq!(zone_name("us-west-2a", "us-west-2").as_deref(), Some("us-west-2a"));
        assert_eq!(zone_name("us-west-2-lax-1a", "us-west-2").as_deref(), Some("us-west-2-lax-1a"));
        for other in ["eu-west-1a", "usw2-az1", "A", "ab", "", "us-west-2"] {
            assert_eq!(zone_name(other, "us-west-2"), None, "{other}");
        }
    }

    #[test]
    fn machine_types_have_a_family_and_a_size() {
        for name in ["t3.medium", "c5.18xlarge", "u-6tb1.metal", "m7i-flex.large", "mac2-m2.metal"]
        {
            assert!(is_machine_type(name), "{name}");
        }
        for other in ["t3medium", "t3.", ".medium", "T3.medium", "medium.t", "t3.med ium", ""] {
            assert!(!is_machine_type(other), "{other}");
        }
    }

    #[test]
    fn ids_have_eight_or_seventeen_digits() {
        assert!(is_id("ami-12c6146b", "ami"));
        assert!(is_id("vpc-0a1b2c3d4e5f67890", "vpc"));
        for other in ["vpc-0a1b2c3d4e5f6789", "vpc-0A1B2C3D", "subnet-12c6146b", "vpc-", "vpc"] {
            assert!(!is_id(other, "vpc"), "{other}");
        }
    }
}
