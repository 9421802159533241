//! Images: Canonical's, of several dates, and one by somebody who calls his the same.

use jiff::Timestamp;

use crate::demo::dice::Dice;

/// Canonical's account.
pub(crate) const CANONICAL: &str = "099720109477";
/// Somebody whose image has a name as Canonical's have it: who looks by name alone takes it.
const IMPOSTOR: &str = "666666666666";
/// The dates of a release's images, the newest last.
const DATES: [&str; 3] = ["20260903", "20261007", "20261112"];

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) owner: &'static str,
    /// EC2's word.
    pub(crate) architecture: &'static str,
    pub(crate) created: String,
}

impl Image {
    /// The size of its snapshot.
    pub(crate) const GIB: u32 = 8;

    /// The snapshot that its volume is made of.
    pub(crate) fn snapshot(&self) -> String {
        self.id.replace("ami-", "snap-")
    }

    /// When EC2 no longer tells of it: two years later.
    pub(crate) fn deprecated(&self) -> String {
        let (year, rest) = self.created.split_at(4);
        format!("{}{rest}", year.parse::<u32>().unwrap_or(2026) + 2)
    }

    /// EC2's word for how it boots.
    pub(crate) fn boot_mode(&self) -> &'static str {
        if self.architecture == "arm64" { "uefi" } else { "uefi-preferred" }
    }

    /// The type of its volume.
    pub(crate) fn volume_type(&self) -> &'static str {
        if self.name.contains("gp3") { "gp3" } else { "gp2" }
    }
}

/// A release: its number, its name, its folder, and its volume type in SSM's path.
const RELEASES: [(&str, &str, &str, &str); 2] =
    [("22.04", "jammy", "hvm-ssd", "ebs-gp2"), ("24.04", "noble", "hvm-ssd-gp3", "ebs-gp3")];

/// Debian's and EC2's word for the architectures.
const ARCHITECTURES: [(&str, &str); 2] = [("amd64", "x86_64"), ("arm64", "arm64")];

/// All images of a region. An image's id is good in one region.
pub(crate) fn images(region: &str) -> Vec<Image> {
    let mut images = Vec::new();
    for (number, release, folder, _) in RELEASES {
        for (debian, architecture) in ARCHITECTURES {
            let start =
                format!("ubuntu/images/{folder}/ubuntu-{release}-{number}-{debian}-server-");
            images.extend(
                DATES.iter().map(|date| image(region, &start, date, CANONICAL, architecture)),
            );
            images.push(image(region, &start, "20261119", IMPOSTOR, architecture));
        }
    }
    images
}

fn image(
    region: &str,
    start: &str,
    date: &str,
    owner: &'static str,
    architecture: &'static str,
) -> Image {
    let name = format!("{start}{date}");
    let (year, month, day) = (&date[..4], &date[4..6], &date[6..]);
    Image {
        id: Dice::named(0, &format!("{region} {name} {owner}")).id("ami"),
        name,
        owner,
        architecture,
        created: format!("{year}-{month}-{day}T08:00:00.000Z"),
    }
}

/// The value of one of Canonical's public SSM parameters, and since when it has it.
pub(crate) fn parameter(region: &str, path: &str) -> Option<(String, Timestamp)> {
    let rest = path.strip_prefix("/aws/service/canonical/ubuntu/server/")?;
    let (wanted, rest) = rest.split_once("/stable/current/")?;
    let (number, release, folder, volume) = RELEASES
        .into_iter()
        .find(|(number, release, ..)| wanted == *number || wanted == *release)?;
    let (debian, architecture) = ARCHITECTURES
        .into_iter()
        .find(|(debian, _)| rest == format!("{debian}/hvm/{volume}/ami-id"))?;
    let start = format!("ubuntu/images/{folder}/ubuntu-{release}-{number}-{debian}-server-");
    let image = image(region, &start, DATES[DATES.len() - 1], CANONICAL, architecture);
    Some((image.id, image.created.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_names_canonicals_newest() {
        let path =
            "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id";
        let (id, _) = parameter("us-west-2", path).unwrap();
        let images = images("us-west-2");
        let image = images.iter().find(|image| image.id == id).unwrap();
        assert_eq!((image.owner, image.architecture), (CANONICAL, "arm64"));
        assert!(image.name.ends_with("noble-24.04-arm64-server-20261112"), "{}", image.name);
        assert_eq!(parameter("us-west-2", &path.replace("gp3", "gp2")), None);
        assert_ne!(parameter("eu-west-1", path).unwrap().0, id);
        let newest = images.iter().max_by_key(|image| &image.created).unwrap();
        assert_ne!(newest.owner, CANONICAL, "the trap is newer than Canonical's");
    }
}
