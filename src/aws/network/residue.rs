//! What this program makes at AWS, by kind, and what of it is still there.

use std::fmt;

/// A kind of resource that this program makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An instance.
    Instance,
    /// A spot instance request.
    SpotRequest,
    /// An elastic IP address.
    Address,
    /// A network interface.
    Interface,
    /// An EBS volume.
    Volume,
    /// A snapshot of one.
    Snapshot,
    /// A security group.
    SecurityGroup,
    /// A subnet.
    Subnet,
    /// A route table.
    RouteTable,
    /// An internet gateway.
    Gateway,
    /// A VPC.
    Vpc,
    /// A key pair.
    KeyPair,
    /// A launch template.
    Template,
}

impl Kind {
    /// AWS's words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::SpotRequest => "spot request",
            Self::Address => "elastic IP",
            Self::Interface => "network interface",
            Self::Volume => "volume",
            Self::Snapshot => "snapshot",
            Self::SecurityGroup => "security group",
            Self::Subnet => "subnet",
            Self::RouteTable => "route table",
            Self::Gateway => "internet gateway",
            Self::Vpc => "VPC",
            Self::KeyPair => "key pair",
            Self::Template => "launch template",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

/// Something of ours that is still there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Residue {
    /// What it is.
    pub kind: Kind,
    /// Its id; a key pair's name.
    pub id: String,
    /// EC2's word for its state; empty for kinds without one.
    pub state: String,
}

impl fmt::Display for Residue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)?;
        if self.state.is_empty() { Ok(()) } else { write!(f, " ({})", self.state) }
    }
}
