//! Keys that spot-tui's predecessor had and that have no place here, and what took it.

use super::credentials::{ENDPOINT_FILE, TOKEN_FILE};
use super::keys::Section;

/// What took the place of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heir {
    /// A key with another name, beside it.
    Key(&'static str),
    /// A file in `aws.files_directory`.
    File(&'static str),
    /// Nothing: this is why.
    Nothing(&'static str),
}

/// What took the place of this key of the predecessor's; `None` for any other key.
pub(super) fn heir(section: Section, key: &str) -> Option<Heir> {
    let heir = match (section, key) {
        (Section::Aws | Section::Bacalhau | Section::Top, "orchestrators" | ENDPOINT_FILE) => {
            Heir::File(ENDPOINT_FILE)
        }
        (Section::Aws | Section::Bacalhau | Section::Top, "token" | TOKEN_FILE) => {
            Heir::File(TOKEN_FILE)
        }
        (Section::Aws | Section::Bacalhau | Section::Top, "tls") => {
            Heir::Nothing("the address in orchestrator_endpoint says it: tls://host:port")
        }
        (Section::Aws, "node_count") => Heir::Key("total_instances"),
        (Section::Aws, "startup_script") => Heir::Nothing(
            "deploy_services.sh sets a node up; a script of your own is additional_commands_script",
        ),
        (Section::Aws, "cloud_init_template") => Heir::Nothing(
            "the user-data is made here; what is to happen besides is node.cloud_init",
        ),
        (Section::Aws, "security_group_name" | "vpc_tag_name") => {
            Heir::Nothing("what belongs to a deployment is found by its tags")
        }
        (Section::Aws, "ensure_default_vpc") => {
            Heir::Nothing("'use_dedicated_vpc: false' takes the default VPC where there is one")
        }
        (Section::Aws | Section::Bacalhau | Section::Top, _) if key.ends_with("_template") => {
            Heir::Nothing("the templates are in instance/config")
        }
        (Section::Aws | Section::Bacalhau | Section::Top, _)
            if key.starts_with("bacalhau_") && key.ends_with("_dir") =>
        {
            Heir::Nothing("Bacalhau's folders on a node are /bacalhau_node and /bacalhau_data")
        }
        _ => return None,
    };
    Some(heir)
}

impl Heir {
    /// The hint of a complaint about the key.
    pub(super) fn hint(self) -> String {
        let now = match self {
            Self::Key(key) => format!("it is '{key}' now"),
            Self::File(file) => format!("it is the file {file} in aws.files_directory now"),
            Self::Nothing(why) => why.to_owned(),
        };
        format!("{now}; `spot-tui setup --migrate` rewrites the file and keeps a copy")
    }
}
