//! Which image an instance starts from: Canonical's newest, or the user's.

use aws_sdk_ec2::types::Image;
use serde::{Deserialize, Serialize};

use super::access::Ec2;
use super::class::Class;
use super::error::AwsError;
use super::select::filter;
use crate::config::UbuntuRelease;
use crate::fleet::ImageId;

/// Canonical's account. Always named: a search by name alone would take anybody's image that
/// calls itself Ubuntu.
const CANONICAL: &str = "099720109477";

/// A processor's architecture, in Debian's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// EC2's `x86_64`.
    Amd64,
    /// EC2's `arm64`, Graviton.
    Arm64,
}

impl Architecture {
    /// Debian's and Canonical's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// EC2's word.
    fn ec2(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Amd64, Self::Arm64].into_iter().find(|known| known.ec2() == word)
    }
}

/// An image that was looked up. Worth remembering for a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageChoice {
    /// Its id, good in one region.
    pub id: ImageId,
    /// The device of its root volume, which a launch has to name to change it.
    pub root_device: String,
    /// Its name: `ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261101`.
    pub name: String,
    /// What it runs on.
    pub architecture: Architecture,
}

impl Ec2 {
    /// Canonical's newest image of a release (SSM GetParameter; where that has no answer, EC2
    /// DescribeImages).
    pub async fn image(
        &self,
        release: UbuntuRelease,
        architecture: Architecture,
    ) -> Result<ImageChoice, AwsError> {
        match self.image_by_parameter(release, architecture).await {
            Ok(image) => return Ok(image),
            Err(error) if matches!(error.class, Class::Credentials(_)) => return Err(error),
            Err(error) => tracing::debug!(%error, "no image by SSM parameter; searching by name"),
        }
        let images = self
            .patient
            .describe_images()
            .owners(CANONICAL)
            .filters(filter("name", [name_pattern(release, architecture)]))
            .filters(filter("state", ["available"]))
            .send()
            .await
            .map_err(self.failed("DescribeImages"))?;
        let newest = images
            .images()
            .iter()
            .filter(|image| image.owner_id() == Some(CANONICAL))
            .max_by_key(|image| image.creation_date().unwrap_or_default().to_owned());
        newest.and_then(choice).ok_or_else(|| {
            self.found(
                "DescribeImages",
                Class::FatalRegion,
                format!("Canonical has no image like {}", name_pattern(release, architecture)),
                "name an image of this region in the configuration: image: ami-...",
            )
        })
    }

    /// The user's image (EC2 DescribeImages).
    pub async fn image_by_id(&self, id: &ImageId) -> Result<ImageChoice, AwsError> {
        let images = self
            .patient
            .describe_images()
            .image_ids(id.as_str())
            .send()
            .await
            .map_err(self.failed("DescribeImages"))
            .map_err(|error| error.on(format!("{id} in {}", self.region())))?;
        images.images().first().and_then(choice).ok_or_else(|| {
            self.found(
                "DescribeImages",
                Class::FatalRegion,
                format!("there is no usable image {id}"),
                "an image belongs to one region: check the id, or use image: auto",
            )
        })
    }

    async fn image_by_parameter(
        &self,
        release: UbuntuRelease,
        architecture: Architecture,
    ) -> Result<ImageChoice, AwsError> {
        let answer = self
            .ssm
            .get_parameter()
            .name(parameter(release, architecture))
            .send()
            .await
            .map_err(self.failed("GetParameter"))?;
        let id = answer.parameter().and_then(|parameter| parameter.value()).unwrap_or_default();
        self.image_by_id(&ImageId::from(id)).await
    }
}

/// Canonical's public parameter (ubuntu-cloud-docs: the volume type is gp3 since 23.10).
fn parameter(release: UbuntuRelease, architecture: Architecture) -> String {
    let (release, volume) = match release {
        UbuntuRelease::Jammy => ("22.04", "gp2"),
        UbuntuRelease::Noble => ("24.04", "gp3"),
    };
    let architecture = architecture.word();
    format!(
        "/aws/service/canonical/ubuntu/server/{release}/stable/current/{architecture}/hvm/\
         ebs-{volume}/ami-id"
    )
}

fn name_pattern(release: UbuntuRelease, architecture: Architecture) -> String {
    let (folder, name) = match release {
        UbuntuRelease::Jammy => ("hvm-ssd", "jammy-22.04"),
        UbuntuRelease::Noble => ("hvm-ssd-gp3", "noble-24.04"),
    };
    format!("ubuntu/images/{folder}/ubuntu-{name}-{}-server-*", architecture.word())
}

fn choice(image: &Image) -> Option<ImageChoice> {
    Some(ImageChoice {
        id: image.image_id()?.into(),
        root_device: image.root_device_name()?.to_owned(),
        name: image.name().unwrap_or_default().to_owned(),
        architecture: Architecture::parse(image.architecture()?.as_str())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonicals_paths_are_spelled_as_canonical_spells_them() {
        assert_eq!(
            parameter(UbuntuRelease::Noble, Architecture::Arm64),
            "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id"
        );
        assert_eq!(
            parameter(UbuntuRelease::Jammy, Architecture::Amd64),
            "/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id"
        );
        assert_eq!(
            name_pattern(UbuntuRelease::Jammy, Architecture::Amd64),
            "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*"
        );
    }
}
